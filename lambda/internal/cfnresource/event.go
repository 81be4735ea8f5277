package cfnresource

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
)

// An Event is a request of CloudFormation. It is never logged or printed whole:
// whoever knows its ResponseURL can answer in our place.
type Event = cfn.Event

// decode reads an event field by field. A field of the wrong kind stays empty and
// is reported by the error, and the fields that an answer needs are still there.
func decode(payload []byte) (Event, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		return Event{}, fmt.Errorf("event: not a JSON object")
	}
	var e Event
	var wrong []string
	read := func(name string, into any) {
		if value, ok := fields[name]; ok && json.Unmarshal(value, into) != nil {
			wrong = append(wrong, name)
		}
	}
	read("ResponseURL", &e.ResponseURL)
	read("StackId", &e.StackID)
	read("RequestId", &e.RequestID)
	read("LogicalResourceId", &e.LogicalResourceID)
	read("PhysicalResourceId", &e.PhysicalResourceID)
	read("RequestType", &e.RequestType)
	read("ResourceType", &e.ResourceType)
	read("ResourceProperties", &e.ResourceProperties)
	read("OldResourceProperties", &e.OldResourceProperties)
	if len(wrong) > 0 {
		return e, fmt.Errorf("event: %s of the wrong kind", strings.Join(wrong, ", "))
	}
	switch e.RequestType {
	case cfn.RequestCreate, cfn.RequestUpdate, cfn.RequestDelete:
		return e, nil
	default:
		return e, fmt.Errorf("event: RequestType is not Create, Update or Delete")
	}
}

// LogOf returns log with what names the event on every line.
func LogOf(log *slog.Logger, e Event) *slog.Logger {
	return log.With("requestType", e.RequestType, "requestId", e.RequestID,
		"stackId", e.StackID, "logicalResourceId", e.LogicalResourceID)
}

// SentAt returns when CloudFormation sent the event, to the second. An event has no time of its
// own, so it is that of the signature in the ResponseURL. Every delivery of an event has the
// same one. A later event of the same resource never has an earlier one, since CloudFormation
// sends them one after the other. The time is zero for an address without a signature, such as
// that of some emulators.
func SentAt(e Event) time.Time {
	u, err := url.Parse(e.ResponseURL)
	if err != nil {
		return time.Time{}
	}
	at, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// checkResponseURL refuses an address that CloudFormation does not hand out, so
// that a forged event can neither learn anything nor have anything done. The
// error does not quote the address.
func checkResponseURL(address, dnsSuffix string, allowLoopback bool) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return fmt.Errorf("ResponseURL: not an address")
	}
	if ip := net.ParseIP(u.Hostname()); allowLoopback && ip != nil && ip.IsLoopback() {
		return nil
	}
	if u.Scheme != "https" || !strings.HasSuffix(u.Host, "."+dnsSuffix) {
		return fmt.Errorf("ResponseURL: not an https address under %s", dnsSuffix)
	}
	return nil
}
