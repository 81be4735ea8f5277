package awsfake

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FunctionIP is the address of a function outside of a VPC: one of AWS's own, which nobody knows before (here one of
// RFC 5737).
const FunctionIP = "203.0.113.7"

// placeOf are the condition keys that tell where, when and how a call was made. aws:SourceIp is the address of the caller,
// and is not there where the call comes through an endpoint of a VPC, which aws:SourceVpce names then. Sources: IAM User
// Guide, AWS global condition context keys, Availability of each; Service Authorization Reference, Condition keys for Amazon
// S3.
func (a *AWS) placeOf(who caller) map[string]string {
	now := time.Now().UTC()
	keys := map[string]string{
		"aws:CurrentTime": now.Format(time.RFC3339), "aws:EpochTime": strconv.FormatInt(now.Unix(), 10),
		"aws:UserAgent": "aws-sdk-go-v2", "aws:ViaAWSService": "false", "aws:RequestedRegion": a.region,
		"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256",
	}
	if who.secure {
		keys["s3:TlsVersion"] = "1.3"
	}
	if a.SourceVpce != "" {
		keys["aws:SourceVpce"], keys["aws:SourceVpc"] = a.SourceVpce, "vpc-1"
		keys["aws:VpcSourceIp"] = cmp.Or(a.SourceIP, "10.0.0.7")
		return keys
	}
	keys["aws:SourceIp"] = cmp.Or(a.SourceIP, FunctionIP)
	return keys
}

// compareOrdered applies the operators for addresses, numbers and dates. A negated one holds for a key that the request
// does not have, as the others do. Source: IAM User Guide, JSON policy elements: Condition operators.
func compareOrdered(operator string, want words, have string, exists bool) (holds, isKnown bool) {
	positive := strings.Replace(operator, "Not", "", 1)
	var matches func(want string) bool
	switch {
	case positive == "IpAddress":
		matches = func(w string) bool { return isWithin(have, w) }
	case strings.HasPrefix(positive, "Numeric"):
		matches = func(w string) bool {
			left, errLeft := strconv.ParseFloat(have, 64)
			right, errRight := strconv.ParseFloat(w, 64)
			return errLeft == nil && errRight == nil && isOrdered(strings.TrimPrefix(positive, "Numeric"), cmp.Compare(left, right))
		}
	case strings.HasPrefix(positive, "Date"):
		matches = func(w string) bool {
			left, right := timeOf(have), timeOf(w)
			return !left.IsZero() && !right.IsZero() && isOrdered(strings.TrimPrefix(positive, "Date"), left.Compare(right))
		}
	default:
		return false, false
	}
	is := exists && slices.ContainsFunc(want, matches)
	return is != (positive != operator), true
}

func isOrdered(relation string, order int) bool {
	switch relation {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThan":
		return order > 0
	case "GreaterThanEquals":
		return order >= 0
	}
	return false
}

// isWithin tells whether an address is one of a range, or the very one.
func isWithin(address, of string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(of); err == nil {
		return prefix.Contains(ip)
	}
	one, err := netip.ParseAddr(of)
	return err == nil && one == ip
}

// timeOf reads a date of a policy: in the format of ISO 8601, or in seconds.
func timeOf(text string) time.Time {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
