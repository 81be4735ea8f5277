package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// replaceWithData gives the set other names while its bucket holds data. That is refused, and changes nothing; with Retain
// bucket and data stay, and user, key and secret go.
func (l *live) replaceWithData(ctx context.Context) error {
	old := l.consumer
	err := l.change(ctx, l.names("two"))
	if err == nil || !strings.Contains(err.Error(), "a replacement never deletes data") {
		return fmt.Errorf("a replacement that should be refused: %w", err)
	}
	if err := allowed(ctx, "a write after the refusal", func() error { return old.put(ctx, "data/first") }); err != nil {
		return err
	}
	if err := l.change(ctx, map[string]any{"OnDelete": "Retain"}); err != nil {
		return err
	}
	if err := l.change(ctx, l.names("two")); err != nil {
		return err
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return errors.Join(
		allowed(ctx, "a write with the key of the new set", func() error { return l.consumer.put(ctx, "data/first") }),
		l.wantLeft(ctx, "one", "bucket "+old.bucket()),
		refused(ctx, "a write with the key of the old set", "InvalidAccessKeyId", func() error { return old.put(ctx, "data/late") }),
		l.holds(ctx, old.bucket(), "data/first"))
}

// replaceWithoutData does so once the bucket is empty: nothing stays.
func (l *live) replaceWithoutData(ctx context.Context) error {
	if err := l.empty(ctx, l.consumer.bucket()); err != nil {
		return err
	}
	if err := l.change(ctx, map[string]any{"OnDelete": nil}); err != nil { // in an update of its own
		return err
	}
	if err := l.change(ctx, l.names("three")); err != nil {
		return err
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return l.wantLeft(ctx, "two")
}

// adopt takes the bucket over that the replacement has let go of, and lets go of it once more.
func (l *live) adopt(ctx context.Context) error {
	properties := l.names("adopts")
	bucket := l.name + "-one"
	properties["BucketName"], properties["OnDelete"] = bucket, "Retain"
	text, err := template(l.name, properties, false)
	if err != nil {
		return err
	}
	stack := l.name + "-adopts"
	outputs, err := l.create(ctx, stack, text)
	if err != nil {
		return err
	}
	adopter, err := l.consumerOf(ctx, outputs["SecretArn"])
	if err != nil {
		return err
	}
	if err := allowed(ctx, "a read of the data from before", func() error { return adopter.get(ctx, "data/first") }); err != nil {
		return err
	}
	if err := l.remove(ctx, stack); err != nil {
		return err
	}
	if err := errors.Join(l.wantLeft(ctx, "adopts"), l.holds(ctx, bucket, "data/first")); err != nil {
		return err
	}
	return removeBucket(ctx, l.clients, thing{name: bucket})
}

// rollBack has a creation fail after the resource is there, by a sibling.
func (l *live) rollBack(ctx context.Context) error {
	text, err := template(l.name, l.names("back"), true)
	if err != nil {
		return err
	}
	stack := l.name + "-back"
	_, err = l.create(ctx, stack, text)
	if err == nil || !strings.Contains(err.Error(), "ROLLBACK_COMPLETE") || !strings.Contains(err.Error(), "outside-of-the-pattern") {
		return fmt.Errorf("a creation that should fail: %w", err)
	}
	if err := l.wantLeft(ctx, "back"); err != nil {
		return err
	}
	return l.remove(ctx, stack)
}

// fill puts objects into the bucket of the set, most of them twice, and deletes some, with the user's own key: about as
// many versions and delete markers as the run was told.
func (l *live) fill(ctx context.Context) error {
	err := l.change(ctx, map[string]any{"OnDelete": "Purge", "SecretRecoveryDays": 7})
	if err != nil {
		return err
	}
	const writers = 8
	numbers, failed := make(chan int), make(chan error, writers)
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for n := range numbers {
				if err := l.write(ctx, fmt.Sprintf("data/%05d", n)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for n := range l.objects / 3 {
		select {
		case numbers <- n:
			continue
		case err = <-failed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		break
	}
	close(numbers)
	writing.Wait()
	return err
}

// write leaves two versions and a delete marker.
func (l *live) write(ctx context.Context, key string) error {
	if err := errors.Join(l.consumer.put(ctx, key), l.consumer.put(ctx, key)); err != nil {
		return err
	}
	_, err := l.consumer.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(l.consumer.bucket()), Key: &key})
	return err
}

// purge deletes the set with all data. The secret waits for its deletion, and is then deleted at once.
func (l *live) purge(ctx context.Context) error {
	secret := l.outputs["SecretArn"]
	_, err := l.watched(ctx, "delete", func() (map[string]string, error) { return nil, l.remove(ctx, l.setStack()) })
	if err != nil {
		return err
	}
	if err := l.wantLeft(ctx, "three", "secret "+l.outputs["SecretName"]); err != nil {
		return err
	}
	described, err := l.describe(ctx)
	if err == nil && described.DeletedDate == nil {
		err = fmt.Errorf("secret %s: does not wait for its deletion", secret)
	}
	if err != nil {
		return err
	}
	return removeSecret(ctx, l.clients, thing{id: secret})
}

// wantLeft wants that alone to be left of the names with that suffix.
func (l *live) wantLeft(ctx context.Context, suffix string, want ...string) error {
	return await(ctx, lagLimit, func() error {
		all, err := l.inventory(ctx, l.name)
		if err != nil {
			return err
		}
		var left []string
		for _, t := range all {
			if t.kind != "stack" && (t.name == l.name+"-"+suffix || t.name == l.name+"/"+suffix) {
				left = append(left, t.String())
			}
		}
		if strings.Join(left, ", ") != strings.Join(want, ", ") {
			return fmt.Errorf("left of the set %s: %q, want %q", suffix, left, want)
		}
		return nil
	})
}

// holds wants an object to be in a bucket, as the caller sees it.
func (l *live) holds(ctx context.Context, bucket, key string) error {
	_, err := l.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return fmt.Errorf("bucket %s: %s: %w", bucket, key, err)
	}
	return nil
}

// wantNothing wants the product to have left nothing, before this program removes anything.
func (l *live) wantNothing(ctx context.Context) error {
	return await(ctx, lagLimit, func() error {
		left, err := l.inventory(ctx, l.name)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("left:%s", lines(left))
		}
		return err
	})
}
