package sim

import (
	"slices"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// A Law is a way in which AWS lags or refuses. The switches of [awsfake.Laws] say what each is, with its sources.
type Law struct {
	Name string
	// Hold turns its switches on. Everything that is younger than the lag is under it as well.
	Hold func(*awsfake.AWS)
	// Event is called when an event is sent; nil: nothing happens then.
	Event func(*awsfake.AWS)
}

// Laws are all of them, each by itself, shortest first.
func Laws() []Law {
	all := bucketLaws()
	all = append(all, rightsLaws()...)
	all = append(all, lagLaws()...)
	return append(all, deletionLaws()...)
}

// Together is a law of several. Where two turn the same switch, the last of them counts.
func Together(name string, laws ...Law) Law {
	all := Law{Name: name}
	all.Hold = func(a *awsfake.AWS) {
		for _, law := range laws {
			law.Hold(a)
		}
	}
	all.Event = func(a *awsfake.AWS) {
		for _, law := range laws {
			law.Begin(a)
		}
	}
	return all
}

// Begin has happen what happens when an event is sent.
func (l Law) Begin(a *awsfake.AWS) {
	if l.Event != nil {
		l.Event(a)
	}
}

// Named returns the laws with these names, in this order. It panics for a name that no law has.
func Named(names ...string) (found []Law) {
	byName := map[string]Law{}
	for _, law := range slices.Concat(Laws(), RotationLaws()) {
		byName[law.Name] = law
	}
	for _, name := range names {
		law, ok := byName[name]
		if !ok {
			panic("no law " + name)
		}
		found = append(found, law)
	}
	return found
}

// switches is a law that sets fields of an account.
func switches(name string, hold func(*awsfake.AWS)) Law { return Law{Name: name, Hold: hold} }

// bucketLaws (L1, L12) are about new buckets, about a name that no bucket has, and about what an organization forbids.
func bucketLaws() (all []Law) {
	for _, of := range []struct {
		what string
		is   awsfake.NewBuckets
	}{{"unknown", awsfake.AllUnknown}, {"untagged", awsfake.TagsUnknown}, {"unknown but for tags", awsfake.SettingsUnknown}} {
		for _, d := range []time.Duration{5 * time.Second, 90 * time.Second} {
			all = append(all, switches("new buckets "+of.what+" "+d.String(),
				func(a *awsfake.AWS) { a.BucketPropagation, a.NewBuckets = d, of.is }))
		}
	}
	return append(all,
		switches("hidden buckets", func(a *awsfake.AWS) { a.HiddenBuckets = true }),
		switches("hidden buckets, new ones unknown 5s", func(a *awsfake.AWS) { a.HiddenBuckets, a.BucketPropagation = true, 5*time.Second }),
		switches("public access block forbidden", func(a *awsfake.AWS) { a.Forbidden = []string{"s3:PutPublicAccessBlock"} }),
		switches("plain listings", func(a *awsfake.AWS) { a.PlainListings = true }))
}

// LateRights (L2) is a law by which the deployment has changed rights just before each event.
func LateRights(name string, d time.Duration, rights ...string) Law {
	return Law{Name: name + " late " + d.String(), Hold: func(*awsfake.AWS) {},
		Event: func(a *awsfake.AWS) {
			a.LateRights = nil
			a.DelayRights("provider", d, rights...)
			a.DelayRights("rotation", d, rights...)
		}}
}

// LateButCloudFormation is such a law about all rights but the one to ask CloudFormation: an event
// that is late, or whose Delete has come, can be told so.
func LateButCloudFormation(d time.Duration) Law {
	return LateRights("rights but CloudFormation's", d, "iam:*", "s3:*", "secretsmanager:*")
}

func rightsLaws() []Law {
	const long = 30 * time.Second
	return []Law{
		LateRights("rights", 8*time.Second, "*"),
		LateRights("rights", long, "*"),
		LateRights("rights of IAM", long, "iam:*"),
		LateRights("rights of S3", long, "s3:*"),
		LateRights("rights of Secrets Manager", long, "secretsmanager:*"),
		LateRights("rights of CloudFormation", long, "cloudformation:*"),
		LateRights("rights to create", long, "*:Create*"),
		LateRights("rights to tag", long, "*:Tag*", "s3:PutBucketTagging"),
		LateRights("rights to put", long, "*:Put*"),
		LateRights("rights to list and get values", long, "*:List*", "secretsmanager:GetSecretValue"),
		LateRights("rights to delete", long, "*:Delete*"),
	}
}

// lagLaws (L3, L4, L5) are about reads that are from before a write, and users who are not known yet.
func lagLaws() (all []Law) {
	all = append(all, switches("rights on a path", func(a *awsfake.AWS) { a.UserPath = spec.DefaultIAMPath }))
	for _, d := range []time.Duration{5 * time.Second, time.Minute} {
		all = append(all,
			switches("users lag "+d.String(), func(a *awsfake.AWS) { a.UserLag = d }),
			switches("users lag "+d.String()+", rights on a path", func(a *awsfake.AWS) { a.UserPath, a.UserLag = spec.DefaultIAMPath, d }),
			switches("buckets lag "+d.String(), func(a *awsfake.AWS) { a.BucketLag = d }),
			switches("secrets lag "+d.String(), func(a *awsfake.AWS) { a.SecretLag = d }))
	}
	for _, d := range []time.Duration{2 * time.Second, 20 * time.Second} {
		all = append(all, switches("status lags "+d.String(), func(a *awsfake.AWS) { a.StatusPropagation = d }))
	}
	return all
}

// RotationLaws (L17) are about what Secrets Manager may do either way while a secret is rotated. They change nothing where none
// is, so they are not among [Laws].
func RotationLaws() []Law {
	return []Law{
		switches("rotations abandoned by any value", func(a *awsfake.AWS) { a.Abandonment = awsfake.AbandonedByAny }),
		switches("rotations never abandoned", func(a *awsfake.AWS) { a.Abandonment = awsfake.NotAbandoned }),
		switches("moves end AWSPENDING", func(a *awsfake.AWS) { a.MoveEndsPending = true }),
		switches("refused moves are invalid requests", func(a *awsfake.AWS) { a.StagesInvalidRequest = true }),
		switches("repeated puts move labels", func(a *awsfake.AWS) { a.RepeatedPutMoves = true }),
		{Name: "function late 30s", Hold: func(*awsfake.AWS) {},
			Event: func(a *awsfake.AWS) { a.LateFunction = time.Now().Add(30 * time.Second) }},
	}
}

// deletionLaws (L7, L8) are about what was deleted a moment ago.
func deletionLaws() []Law {
	return []Law{
		switches("conflicts lag 10s", func(a *awsfake.AWS) { a.ConflictPropagation = 10 * time.Second }),
		switches("names of users taken 5s", func(a *awsfake.AWS) { a.UserDeletion = 5 * time.Second }),
		switches("names of users taken 1m0s", func(a *awsfake.AWS) { a.UserDeletion = time.Minute }),
		switches("names of buckets taken 30s", func(a *awsfake.AWS) { a.BucketDeletion = 30 * time.Second }),
		switches("names of secrets taken 5s", func(a *awsfake.AWS) { a.SecretDeletion = 5 * time.Second }),
	}
}
