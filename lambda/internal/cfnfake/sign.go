package cfnfake

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"time"
)

// A Signer signs ResponseURLs. As a real one each says when it was signed, in seconds, so
// two events are never signed in the same one: CloudFormation takes longer between two
// operations of a resource.
type Signer struct {
	Region string
	Last   time.Time // when the last event was signed
}

// Next is the time of the next event: now, or the second after that of the last.
func (s *Signer) Next() time.Time {
	now := time.Now().UTC().Truncate(time.Second)
	if !now.After(s.Last) {
		now = s.Last.Add(time.Second)
	}
	s.Last = now
	return now
}

// URL is a presigned address for the answer to a request, with a signature that no other
// request has. A stack, a logical id and a request id name the request.
func (s *Signer) URL(stackID, logicalID, requestID string, at time.Time) string {
	at = at.UTC()
	signature := fmt.Sprintf("%x", sha256.Sum256([]byte("signature of "+requestID)))
	return fmt.Sprintf("https://cloudformation-custom-resource-response.s3.%s.amazonaws.com/%s?X-Amz-Algorithm=AWS4-HMAC-SHA256"+
		"&X-Amz-Date=%s&X-Amz-SignedHeaders=host&X-Amz-Expires=7200&X-Amz-Credential=ASIARESPONSE%%2F%s%%2F%s%%2Fs3%%2Faws4_request&X-Amz-Signature=%s",
		s.Region, url.PathEscape(stackID+"|"+logicalID+"|"+requestID), at.Format("20060102T150405Z"), at.Format("20060102"), s.Region, signature)
}
