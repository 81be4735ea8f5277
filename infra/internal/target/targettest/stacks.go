package targettest

import (
	"fmt"
	"html"
	"net/http"
	"strings"

	"bucketuser/lambda/spec"
)

// stack is the one that a call is about, with its name.
func (c *Cloud) stack(r *http.Request) (string, *Stack, error) {
	name := r.FormValue("StackName")
	for known, s := range c.Stacks {
		if name == StackID(known) || name == known && s.Status != "DELETE_COMPLETE" {
			return known, s, nil
		}
	}
	return "", nil, refusal{"ValidationError", "Stack with id " + name + " does not exist"}
}

func (c *Cloud) describeStacks(w http.ResponseWriter, r *http.Request) error {
	name, s, err := c.stack(r)
	if err != nil {
		return err
	}
	var outputs strings.Builder
	for i, value := range s.Outputs {
		fmt.Fprintf(&outputs, `<member><OutputKey>Output%d</OutputKey><OutputValue>%s</OutputValue></member>`, i, html.EscapeString(value))
	}
	_, err = fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>%s</StackName><StackId>%s</StackId>
		<CreationTime>2026-01-02T03:04:05Z</CreationTime><StackStatus>%s</StackStatus><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
		name, StackID(name), or(s.Status, "CREATE_COMPLETE"), outputs.String())
	return err
}

// listStackResources has one resource on each page.
func (c *Cloud) listStackResources(w http.ResponseWriter, r *http.Request) error {
	_, s, err := c.stack(r)
	if err != nil {
		return err
	}
	var at int
	_, _ = fmt.Sscan(r.FormValue("NextToken"), &at) // the first page has none
	var member, next string
	if at < len(s.Resources) {
		r := s.Resources[at]
		member = fmt.Sprintf(`<member><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType>
			<ResourceStatus>%s</ResourceStatus><ResourceStatusReason>%s</ResourceStatusReason><LastUpdatedTimestamp>2026-01-02T03:04:05Z</LastUpdatedTimestamp></member>`,
			r.LogicalID, r.PhysicalID, or(r.Type, spec.ResourceType), or(r.Status, "CREATE_COMPLETE"), html.EscapeString(r.Reason))
	}
	if at+1 < len(s.Resources) {
		next = fmt.Sprintf(`<NextToken>%d</NextToken>`, at+1)
	}
	_, err = fmt.Fprintf(w, `<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>%s</StackResourceSummaries>%s</ListStackResourcesResult></ListStackResourcesResponse>`,
		member, next)
	return err
}

func or(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
