package bucket

import (
	"context"
	"encoding/json"
	"fmt"
)

// CheckAccess refuses a bucket whose policy does not let the user in where the spec says: what a value
// says of the prefix may have been written by anybody. The refusal is apart from the error of asking.
func (c Client) CheckAccess(ctx context.Context) (refusal, err error) {
	now, err := c.readPolicy(ctx)
	if err != nil {
		return nil, err
	}
	granted := map[string]string{} // by Sid
	for _, text := range now.Statement {
		granted[headerOf(text).Sid] = resourcesOf(text)
	}
	for _, wanted := range c.spec.Policy() {
		text, err := json.Marshal(wanted)
		if err != nil {
			return nil, fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
		}
		if wanted.Effect == "Allow" && granted[wanted.Sid] != resourcesOf(text) {
			return fmt.Errorf("policy of bucket %s: statement %s does not let user %s in under %s; an update of the resource rights it",
				c.spec.BucketName, wanted.Sid, c.spec.UserName, c.spec.Prefix), nil
		}
	}
	return nil, nil
}

// resourcesOf are those of a statement, as one text.
func resourcesOf(statement json.RawMessage) string {
	var of struct{ Resource json.RawMessage }
	if json.Unmarshal(statement, &of) != nil {
		return ""
	}
	return fmt.Sprint(oneOrMore(of.Resource))
}
