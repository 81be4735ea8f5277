package bucket

import (
	"context"
	"encoding/json"
	"slices"

	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// These tell whether the bucket shows a setting as the spec has it, whosever the bucket is. An Update
// that would change a lost bucket asks.

// ShowsPolicy compares our statements without their Principal: S3 shows the id of a user who is
// gone there.
func (c Client) ShowsPolicy(ctx context.Context) (bool, error) { return c.showsPolicy(ctx, nameless) }

// showsPolicy compares what is told of our statements.
func (c Client) showsPolicy(ctx context.Context, told func(statements) statements) (bool, error) {
	current, err := c.readPolicy(ctx)
	if err != nil {
		return false, err
	}
	wanted, err := policyOf(c.spec)
	if err != nil {
		return false, err
	}
	ours, _ := c.split(current.Statement)
	return sameStatements(told(ours), told(wanted.Statement)), nil
}

// nameless are statements without their Principal.
func nameless(all statements) (rest statements) {
	for _, text := range all {
		var fields map[string]json.RawMessage
		if json.Unmarshal(text, &fields) == nil {
			delete(fields, "Principal")
			text, _ = json.Marshal(fields) // of what was JSON
		}
		rest = append(rest, text)
	}
	return rest
}

// ShowsVersioning compares whether versioning is on.
func (c Client) ShowsVersioning(ctx context.Context) (bool, error) {
	isOn, err := c.readVersioning(ctx)
	return isOn == c.spec.IsVersioned(), err
}

// ShowsLifecycle compares the rules that are ours.
func (c Client) ShowsLifecycle(ctx context.Context, b Bucket, before spec.Spec) (bool, error) {
	current, err := c.readLifecycle(ctx)
	return slices.EqualFunc(c.rules(b, current, before), current.ours(), sameRule), err
}

// ShowsMarker asks whether there is a folder marker.
func (c Client) ShowsMarker(ctx context.Context) (bool, error) {
	for page, err := range c.pages(ctx, c.spec.MarkerKey()) {
		isThere := slices.ContainsFunc(page.Entries, func(e purge.Entry) bool { return e.Key == c.spec.MarkerKey() && !e.IsMarker && !e.IsOlder })
		return isThere == c.spec.FolderMarker, err // it is the first of all that start with it
	}
	return !c.spec.FolderMarker, nil
}
