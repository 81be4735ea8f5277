package bucket

import (
	"context"
	"encoding/json"
	"fmt"

	"bucketuser/lambda/spec"
)

// CheckAccess refuses a bucket whose policy does not let the user in where the spec says: what a value
// says of the prefix may have been written by anybody. How far it lets the user in there is not asked, which two
// updates beside each other may leave otherwise. The refusal is apart from the error of asking.
func (c Client) CheckAccess(ctx context.Context) (refusal, err error) {
	now, err := c.readPolicy(ctx)
	if err != nil {
		return nil, err
	}
	granted := map[string]string{} // by Sid
	for _, text := range now.Statement {
		granted[headerOf(text).Sid] = resourcesOf(text)
	}
	for _, access := range []string{spec.ReadWrite, spec.Full} {
		isGranted, err := c.grants(granted, access)
		if isGranted || err != nil {
			return nil, err
		}
	}
	return fmt.Errorf("policy of bucket %s: does not let user %s in under %s; an update of the resource rights it",
		c.spec.BucketName, c.spec.UserName, c.spec.Prefix), nil
}

// grants reports whether resources by Sid are those of an access.
func (c Client) grants(granted map[string]string, access string) (bool, error) {
	c.spec.Access = access
	for _, wanted := range c.spec.Policy() {
		text, err := json.Marshal(wanted)
		if err != nil {
			return false, fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
		}
		if wanted.Effect == "Allow" && granted[wanted.Sid] != resourcesOf(text) {
			return false, nil
		}
	}
	return true, nil
}

// resourcesOf are those of a statement, as one text.
func resourcesOf(statement json.RawMessage) string {
	var of struct{ Resource json.RawMessage }
	if json.Unmarshal(statement, &of) != nil {
		return ""
	}
	return fmt.Sprint(oneOrMore(of.Resource))
}
