// Command answer is a custom resource's function for the tests of the embedded
// AWS: it answers as the property Answer says, and stores what it observed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

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
}

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, event cfn.Event) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if err := observe(ctx, cfg, event); err != nil {
		return err
	}
	return respond(ctx, event)
}

func observe(ctx context.Context, cfg aws.Config, event cfn.Event) error {
	seen := observation{PhysicalID: event.PhysicalResourceID, LogGroup: os.Getenv("AWS_LAMBDA_LOG_GROUP_NAME")}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName: &event.StackID, LogicalResourceId: &event.LogicalResourceID,
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
	stack := strings.Split(event.StackID, "/")[1]
	_, err = s3.NewFromConfig(cfg).PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(os.Getenv("OBSERVATIONS")),
		Key:    aws.String(fmt.Sprintf("%s/%s", stack, event.RequestType)),
		Body:   bytes.NewReader(body),
	})
	return err
}

func respond(ctx context.Context, event cfn.Event) error {
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
