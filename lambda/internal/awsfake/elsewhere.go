package awsfake

// Face is how S3 answers a call on a bucket that is in another region than the one asked.
type Face string

const (
	// Redirected is 301 PermanentRedirect. The SDK for Go does not follow it. Source: S3 API Reference, Error responses.
	Redirected Face = "301"
	// WrongLocation is 400 IllegalLocationConstraintException, if one of the regions is opt-in. Sources: cloud-custodian
	// #8005, prowler PR #1155.
	WrongLocation Face = "location"
	// WrongSignature is 400 AuthorizationHeaderMalformed: the request is signed for the wrong region. Source: botocore's
	// S3RegionRedirectorv2.
	WrongSignature Face = "signature"
	// WrongToken is 400 InvalidToken: a session token that the bucket's region, which is opt-in, does not take. Source:
	// cloud-custodian #9793.
	WrongToken Face = "token"
	// Denied is 403 AccessDenied, as for every bucket of another account.
	Denied Face = "403"
)

// AddBucketElsewhere (L6) makes a name taken by a bucket in another region. Every call on it answers as the face says.
// CreateBucket answers BucketAlreadyExists, or BucketAlreadyOwnedByYou (also in us-east-1) if it is this account's own.
// Source of that: S3 API Reference, CreateBucket, Errors; scality/cloudserver #475 for us-east-1.
func (a *AWS) AddBucketElsewhere(name, account string, face Face) {
	defer a.changing()()
	b := a.addBucket(name, nil)
	b.owner, b.elsewhere = account, face
}

// otherRegion is where the buckets are that are elsewhere.
func (a *AWS) otherRegion() string {
	if a.region == "us-west-2" {
		return "us-east-2"
	}
	return "us-west-2"
}

// regionOf is the region of a bucket.
func (a *AWS) regionOf(b *bucket) string {
	if b.elsewhere != "" {
		return a.otherRegion()
	}
	return a.region
}

// answer is what S3 says to a call on a bucket elsewhere.
func (f Face) answer(a *AWS) *Error {
	switch f {
	case Redirected:
		return fail(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified "+
			"endpoint. Please send all future requests to this endpoint.")
	case WrongLocation:
		return fail(400, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region "+
			"specific endpoint this request was sent to.", a.otherRegion())
	case WrongSignature:
		return fail(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region '%s' is wrong; "+
			"expecting '%s'", a.region, a.otherRegion())
	case WrongToken:
		return fail(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	case Denied:
	}
	return fail(403, "AccessDenied", "Access Denied")
}
