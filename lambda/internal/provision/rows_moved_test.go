package provision_test

import (
	"context"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// The prefix that moves, by row 48.

const outOfReach = "left objects under the prefix before, which the user can no longer reach"

// Row 48: an Update that moves the prefix away from objects says so, with what helps; so does a rollback.
func TestRow48(t *testing.T) {
	for name, test := range map[string]struct {
		from, to sim.Properties
		objects  []string
		says     string // "": nothing
	}{
		"moved":                 {named, with("Prefix", "logs/"), []string{"data/x"}, `set Prefix back to data/, or move them with rights to both: aws s3 mv 's3://my-data/data/' 's3://my-data/logs/' --recursive"`},
		"forgotten":             {with("Prefix", "disks/it's/"), named, []string{"disks/it's/x"}, `aws s3 mv 's3://my-data/disks/it'\\''s/' 's3://my-data/data/' --recursive"`},
		"moved below":           {named, with("Prefix", "data/b/"), []string{"data/x", "data/b/x"}, `'s3://my-data/data/b/' --recursive --exclude 'b/*'"`},
		"moved below by more":   {named, with("Prefix", "data/b/c/"), []string{"data/b/x"}, `--exclude 'b/c/*'"`},
		"moved below, a class":  {named, with("Prefix", "data/[b]/"), []string{"data/x"}, `--exclude '[[]b]/*'`},
		"moved below, all":      {named, with("Prefix", "data/b/c/"), []string{"data/b/c/x", "data/b/c/y"}, ""},
		"moved above":           {with("Prefix", "data/b/"), named, []string{"data/b/x"}, ""},
		"nothing there":         {named, with("Prefix", "logs/"), []string{"other/x"}, ""},
		"alike":                 {with("Prefix", "data/a/"), with("Prefix", "data/ab/"), []string{"data/a/x"}, "set Prefix back to data/a/"},
		"Full":                  {with("Access", "Full"), with("Access", "Full", "Prefix", "logs/"), []string{"data/x"}, ""},
		"to Full":               {named, with("Access", "Full", "Prefix", "logs/"), []string{"data/x"}, ""},
		"from Full":             {with("Access", "Full"), with("Prefix", "logs/"), []string{"data/x"}, "set Prefix back to data/"},
		"the same":              {named, with("Access", "ReadOnly"), []string{"data/x"}, ""},
		"the folder holds text": {named, with("Prefix", "logs/"), []string{"data/"}, "set Prefix back to data/"},
		"coded":                 {with("Prefix", "a b%/"), with("Prefix", "a b%/c d/"), []string{"a b%/c d/x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(test.from))
				for _, key := range test.objects {
					w.AWS.PutObject("my-data", key, "1")
				}
				w.history(update(test.from, test.to, test.from))
				if test.says == "" {
					has(t, w.Log.String(), "!"+outOfReach, "!could not look")
				} else {
					has(t, w.Log.String(), outOfReach, test.says)
				}
			})
		})
	}
}

// Row 48: our own objects, also where they may not be deleted, and what was deleted are none.
func TestRow48OwnObjects(t *testing.T) {
	inWorld(t, func(w *bench) {
		p, q := with("Versioning", "true"), with("Versioning", "true", "Prefix", "logs/")
		w.history(create(p))
		w.addStatements(denying("s3:DeleteObjectVersion", "arn:aws:s3:::my-data/*"))
		w.AWS.PutObject("my-data", "data/.bucketuser-probe", "")
		w.AWS.PutObject("my-data", "data/x", "1")
		w.AWS.DeleteObject("my-data", "data/x")
		w.history(update(p, q, p))
		has(t, w.Log.String(), "!"+outOfReach)
	})
}

// Row 48: what was written under the new prefix before a rollback is out of reach, too.
func TestRow48Rollback(t *testing.T) {
	inWorld(t, func(w *bench) {
		logs := with("Prefix", "logs/")
		w.history(create(named), update(named, logs, named))
		has(t, w.Log.String(), "!"+outOfReach)
		w.AWS.PutObject("my-data", "logs/x", "1")
		w.rollsBack(update(named, named, logs))
		has(t, w.Log.String(), outOfReach, "set Prefix back to logs/")
	})
}

// Row 48: a page that does not tell, and one that others forbid or that never comes, fail nothing.
func TestRow48Listing(t *testing.T) {
	logs := with("Prefix", "logs/")
	isLook := func(c awsfake.Call) bool { return c.Operation == "ListObjectVersions" && c.SessionN > 1 }
	for name, d := range map[string]awsfake.Decision{
		"denied": awsfake.Refuse(awsfake.AccessDenied), "broken": awsfake.Refuse(awsfake.Unavailable), "hanging": awsfake.Refuse(awsfake.Hang),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(with("FolderMarker", "false")))
				from, to := with("FolderMarker", "false"), plus(logs, "FolderMarker", "false")
				isEquipped := false
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if isEquipped = isEquipped || c.Operation == "PutSecretValue"; isEquipped && isLook(c) {
						return d
					}
					return awsfake.Decision{}
				})
				start := time.Now()
				w.history(update(from, to, from))
				has(t, w.Log.String(), "could not look for objects under the prefix before")
				if took := time.Since(start); took > 30*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
	inWorld(t, func(w *bench) {
		p, q := with("Versioning", "true"), plus(logs, "Versioning", "true")
		w.history(create(p))
		for range 150 {
			w.AWS.PutObject("my-data", "data/a", "1")
			w.AWS.DeleteObject("my-data", "data/a")
		}
		w.history(update(p, q, p))
		has(t, w.Log.String(), outOfReach)
	})
}
