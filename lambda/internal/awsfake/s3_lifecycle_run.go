package awsfake

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// RunLifecycle does once what S3 does each day: it lets expire what the rules of a bucket say, by the state that the run
// finds. It knows filters by prefix, and days. Sources: S3 User Guide, Lifecycle configuration elements (days are rounded to
// the next midnight UTC, those of a noncurrent version count from its successor) and Expiring objects (a current version
// becomes noncurrent under a delete marker; a marker with nothing under it goes by its age, too); Object Lock
// considerations (a locked version stays).
func (a *AWS) RunLifecycle(bucketName string) {
	defer a.changing()()
	b := a.buckets[bucketName]
	if b == nil {
		return
	}
	found := map[string][]*object{}
	for key, versions := range b.objects {
		found[key] = slices.Clone(versions)
	}
	for _, rule := range b.lifecycle {
		if rule.Status != types.ExpirationStatusEnabled {
			continue
		}
		for key, versions := range found {
			if strings.HasPrefix(key, prefixOf(rule)) {
				a.expireObject(b, rule, key, versions)
			}
		}
		b.uploads = slices.DeleteFunc(b.uploads, func(u *upload) bool {
			is := rule.AbortIncompleteMultipartUpload
			return is != nil && strings.HasPrefix(u.key, prefixOf(rule)) && isDue(u.initiated, is.DaysAfterInitiation)
		})
	}
}

// expireObject applies a rule to the versions of a key, oldest first.
func (a *AWS) expireObject(b *bucket, rule types.LifecycleRule, key string, versions []*object) {
	last := len(versions) - 1
	for i, o := range versions[:last] {
		is := rule.NoncurrentVersionExpiration
		if is != nil && isDue(versions[i+1].modified, is.NoncurrentDays) && !o.isLocked() {
			b.drop(key, o.version)
		}
	}
	is, current := rule.Expiration, versions[last]
	if is == nil || b.find(key, "") != current {
		return
	}
	switch isOld := is.Days != nil && isDue(current.modified, is.Days); {
	case current.marker && last == 0 && (isOld || aws.ToBool(is.ExpiredObjectDeleteMarker)):
		b.drop(key, current.version)
	case !current.marker && isOld:
		_, _ = a.remove(b, key, nil) // a locked object stays, as it should
	}
}

// isDue tells whether days after a time, rounded to the next midnight UTC, are over.
func isDue(from time.Time, days *int32) bool {
	at := from.Add(time.Duration(aws.ToInt32(days)) * 24 * time.Hour)
	return !time.Now().Before(at.Truncate(24 * time.Hour).Add(24 * time.Hour))
}

// prefixOf is what a rule of either form reaches.
func prefixOf(rule types.LifecycleRule) string {
	if rule.Filter != nil {
		return aws.ToString(rule.Filter.Prefix)
	}
	return aws.ToString(basePrefix(rule))
}
