package awsfake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

var userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// user is an IAM user. Its unique id is never used again, also not for a user of the same name.
type user struct {
	name     string
	path     string
	id       string
	boundary string
	tags     map[string]string
	keys     []*accessKey // oldest first
	attached []Attachment
	created  time.Time
}

func (a *AWS) userARN(u *user) string { return a.arn("iam", "user"+u.path+u.name) }

func (a *AWS) user(name *string) (*user, error) {
	u := a.users[aws.ToString(name)]
	if u == nil {
		return nil, fail(404, "NoSuchEntity", "The user with name %s cannot be found.", aws.ToString(name))
	}
	return u, nil
}

func (a *AWS) getUser(in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	if in.UserName == nil {
		return nil, fail(400, "ValidationError", "Must specify userName when calling with non-User credentials")
	}
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	return &iam.GetUserOutput{User: a.userOutput(u)}, nil
}

// createUser refuses a name that differs from an existing one in case only, as IAM does.
func (a *AWS) createUser(in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	name := aws.ToString(in.UserName)
	if !userName.MatchString(name) {
		return nil, fail(400, "ValidationError", "The specified value for userName is invalid. It must contain only "+
			"alphanumeric characters and/or the following: +=,.@_-")
	}
	for existing := range a.users {
		if strings.EqualFold(existing, name) {
			return nil, userExists(name)
		}
	}
	if err := a.nameTaken("iam", name); err != nil {
		return nil, err
	}
	boundary := aws.ToString(in.PermissionsBoundary)
	if boundary != "" && a.boundary[boundary] == nil {
		return nil, fail(404, "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", boundary)
	}
	tags := map[string]string{}
	if err := mergeIAMTags(tags, in.Tags); err != nil {
		return nil, err
	}
	path := aws.ToString(in.Path)
	if path == "" {
		path = "/"
	}
	if !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") {
		return nil, fail(400, "ValidationError", "The specified value for path is invalid. It must begin and end with / "+
			"and contain only alphanumeric characters and/or / characters.")
	}
	u := a.addUser(name, path, tags)
	u.boundary = boundary
	return &iam.CreateUserOutput{User: a.userOutput(u)}, nil
}

// addUser makes a new principal. The caller holds the lock and has checked the name.
func (a *AWS) addUser(name, path string, tags map[string]string) *user {
	u := &user{
		name:    name,
		path:    path,
		id:      fmt.Sprintf("AIDAFAKE%013d", a.next()),
		tags:    maps.Clone(tags),
		created: time.Now(),
	}
	if u.tags == nil {
		u.tags = map[string]string{}
	}
	a.users[name] = u
	return u
}

func (a *AWS) userOutput(u *user) *types.User {
	out := &types.User{
		Arn:        aws.String(a.userARN(u)),
		CreateDate: aws.Time(u.created),
		Path:       aws.String(u.path),
		UserId:     aws.String(u.id),
		UserName:   aws.String(u.name),
		Tags:       iamTags(u.tags),
	}
	if u.boundary != "" {
		out.PermissionsBoundary = &types.AttachedPermissionsBoundary{
			PermissionsBoundaryArn:  aws.String(u.boundary),
			PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy,
		}
	}
	return out
}

func (a *AWS) deleteUser(in *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	if err := u.conflict(); err != nil {
		return nil, err
	}
	a.removeUser(u.name)
	return &iam.DeleteUserOutput{}, nil
}

// conflict is what keeps a user from being deleted, or nil.
func (u *user) conflict() error {
	if len(u.keys) > 0 {
		return fail(409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	}
	if len(u.attached) > 0 {
		return fail(409, "DeleteConflict", "Cannot delete entity, must %s first.", u.attached[0])
	}
	return nil
}

// removeUser takes a user away. The caller holds the lock.
func (a *AWS) removeUser(name string) {
	if u := a.users[name]; u != nil {
		a.gone[u.id] = a.userARN(u)
		delete(a.users, name)
		a.take(thing{service: "iam", name: name}, a.UserDeletion, userExists(name))
	}
}

func (a *AWS) tagUser(in *iam.TagUserInput) (*iam.TagUserOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(u.tags)
	if err := mergeIAMTags(tags, in.Tags); err != nil {
		return nil, err
	}
	u.tags = tags
	return &iam.TagUserOutput{}, nil
}

func (a *AWS) untagUser(in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(u.tags, key)
	}
	return &iam.UntagUserOutput{}, nil
}

func (a *AWS) listUserTags(in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	return &iam.ListUserTagsOutput{Tags: iamTags(u.tags)}, nil
}

// mergeIAMTags adds tags under IAM's rules: at most 50, and no key twice.
func mergeIAMTags(into map[string]string, tags []types.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(aws.ToString(t.Key)) // IAM's tag keys are not case sensitive
		if seen[key] {
			return fail(400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if !tagText(aws.ToString(t.Key), 1, 128) || !tagText(aws.ToString(t.Value), 0, 256) {
			return fail(400, "ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint")
		}
		seen[key] = true
		into[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if len(into) > 50 {
		return fail(409, "LimitExceeded", "The number of tags has reached the maximum limit.")
	}
	return nil
}

func iamTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return out
}
