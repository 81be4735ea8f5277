package awsfake

import "time"

// taking is a name that nothing has and that nobody can give to anything.
type taking struct {
	until   time.Time
	outcome *Error
}

// TakeName (L7) makes a name taken for a duration, in iam, s3 or secretsmanager, although nothing has it: creating calls
// say that it exists, and all other calls that it does not. So it is with a name that is being deleted, that lags, or that
// differs in case only. Sources: IAM API Reference, CreateUser: "Names are not distinguished by case"; Secrets Manager API
// Reference, DeleteSecret: asynchronous. It does nothing for another service.
func (a *AWS) TakeName(service, name string, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch service {
	case "iam":
		a.take(thing{service: service, name: name}, d, userExists(name))
	case "s3":
		a.take(thing{service: service, name: name}, d, bucketExists())
	case "secretsmanager":
		a.take(thing{service: service, name: name}, d, secretExists(name))
	}
}

// take makes a name taken, unless for no time. The caller holds the lock.
func (a *AWS) take(what thing, d time.Duration, outcome *Error) {
	if d > 0 {
		a.taken[what] = taking{time.Now().Add(d), outcome}
	}
}

// nameTaken is what a creating call says about a name that nothing has, or nil.
func (a *AWS) nameTaken(service, name string) error {
	if t, ok := a.taken[thing{service: service, name: name}]; ok && time.Now().Before(t.until) {
		return t.outcome
	}
	return nil
}

func userExists(name string) *Error {
	return fail(409, "EntityAlreadyExists", "User with name %s already exists.", name)
}

func bucketExists() *Error {
	return fail(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is "+
		"shared by all users of the system. Please select a different name and try again.")
}

func secretExists(name string) *Error {
	return fail(400, "ResourceExistsException", "The operation failed because the secret %s already exists.", name)
}

func operationAborted() *Error {
	return fail(409, "OperationAborted",
		"A conflicting conditional operation is currently in progress against this resource. Please try again.")
}

// unknownYet tells whether a bucket is too new for an action (L1).
func (a *AWS) unknownYet(b *bucket, action string) bool {
	switch {
	case b.owner != a.account || time.Since(b.created) >= a.BucketPropagation, a.NewBuckets == TagsUnknown:
		return false
	case a.NewBuckets == SettingsUnknown:
		return action != "s3:GetBucketTagging"
	}
	return true
}

// hiddenYet tells whether a bucket is too new to be listed (L1).
func (a *AWS) hiddenYet(b *bucket) bool {
	return a.NewBuckets == AllUnknown && time.Since(b.created) < a.BucketPropagation
}

// untaggedYet tells whether a bucket is so new that its tags are not known (L1).
func (a *AWS) untaggedYet(b *bucket) bool {
	return a.NewBuckets == TagsUnknown && time.Since(b.created) < a.BucketPropagation
}

// noSuchBucket is the answer to a name that no bucket has.
func (a *AWS) noSuchBucket() *Error {
	if a.HiddenBuckets {
		return fail(403, "AccessDenied", "Access Denied")
	}
	return fail(404, "NoSuchBucket", "The specified bucket does not exist")
}
