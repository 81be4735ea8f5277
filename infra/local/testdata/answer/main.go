// Command answer is a custom resource's function for the tests of the embedded
// AWS: it answers as the property Answer says, and stores what it observed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// observation is what the function sees of one request.
type observation struct {
	PhysicalID string
	Status     string // of the resource, as DescribeStackResource says
	LogGroup   string
	SentAt     string // in the ResponseURL
	Expires    string
}

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, event cfn.Event) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	d := delivery{event: event, stack: strings.Split(event.StackID, "/")[1], store: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	if err := d.observe(ctx, cfg); err != nil {
		return err
	}
	if event.RequestType == cfn.RequestDelete {
		return d.respond(ctx, "")
	}
	if err := d.fail(ctx); err != nil {
		return err
	}
	switch d.told() {
	case "answer and wait":
		return errors.Join(d.respond(ctx, ""), d.wait(ctx))
	case "wait and answer":
		return errors.Join(d.wait(ctx), d.respond(ctx, ""))
	case "twice":
		return errors.Join(d.respond(ctx, ""), d.respond(ctx, "FAILED"))
	}
	return d.respond(ctx, "")
}

// delivery is one invocation with an event.
type delivery struct {
	event cfn.Event
	stack string
	store *s3.Client
}

func (d delivery) told() any { return d.event.ResourceProperties["Answer"] }

// fail ends the process, or returns an error, where that is told.
func (d delivery) fail(ctx context.Context) error {
	told := d.told()
	if told != "crash" && told != "crash once" && told != "err once" {
		return nil
	}
	first, err := d.first(ctx)
	switch {
	case err != nil:
		return err
	case told == "crash", told == "crash once" && first:
		os.Exit(1)
	case told == "err once" && first:
		return errors.New("as told")
	}
	return nil
}

func (d delivery) put(ctx context.Context, key string, body []byte) error {
	_, err := d.store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(os.Getenv("OBSERVATIONS")), Key: aws.String(d.stack + "/" + key), Body: bytes.NewReader(body),
	})
	return err
}

// first tells whether this is the first delivery of its event.
func (d delivery) first(ctx context.Context) (bool, error) {
	out, err := d.store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: aws.String(os.Getenv("OBSERVATIONS")), Prefix: aws.String(d.deliveries())})
	return err == nil && len(out.Contents) == 1, err
}

// deliveries is below which every delivery of the event leaves an object.
func (d delivery) deliveries() string {
	return d.stack + "/deliveries/" + string(d.event.RequestType) + "/"
}

// wait returns once the test has put an object, and leaves another.
func (d delivery) wait(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := d.store.HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: aws.String(os.Getenv("OBSERVATIONS")), Key: aws.String(d.stack + "/go on")}); err == nil {
			return d.put(ctx, "went on", nil)
		}
	}
}

func (d delivery) observe(ctx context.Context, cfg aws.Config) error {
	seen := observation{PhysicalID: d.event.PhysicalResourceID, LogGroup: os.Getenv("AWS_LAMBDA_LOG_GROUP_NAME")}
	if address, err := url.Parse(d.event.ResponseURL); err == nil {
		seen.SentAt, seen.Expires = address.Query().Get("X-Amz-Date"), address.Query().Get("X-Amz-Expires")
	}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName: &d.event.StackID, LogicalResourceId: &d.event.LogicalResourceID,
	})
	if err != nil {
		seen.Status = err.Error()
	} else {
		seen.Status = string(out.StackResourceDetail.ResourceStatus)
	}
	body, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	if err := d.put(ctx, strings.TrimPrefix(d.deliveries(), d.stack+"/")+fmt.Sprint(time.Now().UnixNano()), body); err != nil {
		return err
	}
	return d.put(ctx, string(d.event.RequestType), body)
}

// respond answers, with a status or as told.
func (d delivery) respond(ctx context.Context, status string) error {
	event := d.event
	answer := map[string]any{
		"Status": "SUCCESS", "Reason": "as told", "PhysicalResourceId": "answer-" + event.LogicalResourceID,
		"StackId": event.StackID, "RequestId": event.RequestID, "LogicalResourceId": event.LogicalResourceID,
	}
	if event.RequestType == cfn.RequestDelete && event.ResourceProperties["Answer"] == "keep" {
		answer["Status"] = "FAILED"
	}
	if event.RequestType != cfn.RequestDelete {
		switch event.ResourceProperties["Answer"] {
		case "fail":
			answer["Status"] = "FAILED"
		case "fill":
			answer["Data"] = map[string]string{"Filler": strings.Repeat("x", 4096)}
		case "nameless":
			answer["PhysicalResourceId"] = ""
		case "stale":
			answer["RequestId"] = "an earlier one"
		}
	}
	if status != "" {
		answer["Status"] = status
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, event.ResponseURL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
