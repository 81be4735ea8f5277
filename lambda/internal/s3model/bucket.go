package s3model

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) listBuckets(r request) answer {
	x := begin("ListAllMyBucketsResult")
	x.open("Buckets")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isGone && strings.HasPrefix(s.config.Bucket, r.query.Get("prefix")) {
		x.open("Bucket")
		x.text("Name", s.config.Bucket)
		x.text("CreationDate", modified)
		x.text("BucketRegion", s.config.Region)
		x.close("Bucket")
	}
	x.close("Buckets")
	x.close("ListAllMyBucketsResult")
	return respond(x)
}

// headBucket, and every other look at a bucket without settings of its own.
func (s *Server) headBucket(request) answer {
	return answer{status: http.StatusOK, header: http.Header{"X-Amz-Bucket-Region": {s.config.Region}}}
}

// deleteBucket refuses a bucket that holds an entry. Unfinished uploads go with the bucket.
func (s *Server) deleteBucket(request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries.count > 0 {
		message := "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
		if s.config.IsUnversioned {
			message = "The bucket you tried to delete is not empty"
		}
		return refuse(&refusal{http.StatusConflict, "BucketNotEmpty", message})
	}
	s.isGone = true
	return answer{status: http.StatusNoContent}
}

// tagging is the document of a set of tags.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

func (s *Server) getTagging(request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tags) == 0 {
		return refuse(&refusal{http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist"})
	}
	x := begin("Tagging")
	x.open("TagSet")
	for _, key := range slices.Sorted(maps.Keys(s.tags)) {
		x.open("Tag")
		x.text("Key", key)
		x.text("Value", s.tags[key])
		x.close("Tag")
	}
	x.close("TagSet")
	x.close("Tagging")
	return respond(x)
}

func (s *Server) putTagging(r request) answer {
	var all tagging
	if xml.NewDecoder(r.Body).Decode(&all) != nil {
		return refuse(errMalformed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags = map[string]string{}
	for _, t := range all.Tags {
		s.tags[t.Key] = t.Value
	}
	return answer{status: http.StatusNoContent}
}

func (s *Server) getPolicy(request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policy == nil {
		return refuse(&refusal{http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist"})
	}
	return answer{status: http.StatusOK, body: s.policy}
}

func (s *Server) putPolicy(r request) answer {
	policy, err := io.ReadAll(r.Body)
	if err != nil || !json.Valid(policy) {
		return refuse(&refusal{http.StatusBadRequest, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = policy
	return answer{status: http.StatusNoContent}
}

func (s *Server) deletePolicy(request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = nil
	return answer{status: http.StatusNoContent}
}

// forbidsWrites reports whether a statement without conditions denies everybody to write. It understands no more of a
// policy, and denies nothing else.
func (s *Server) forbidsWrites() bool {
	var policy struct {
		Statement []struct {
			Effect                       string
			Principal, Action, Condition json.RawMessage
		}
	}
	if s.policy == nil || json.Unmarshal(s.policy, &policy) != nil {
		return false
	}
	for _, one := range policy.Statement {
		isEverybody := strings.Contains(string(one.Principal), `"*"`)
		isWrite := strings.Contains(string(one.Action), `"s3:PutObject"`)
		if one.Effect == "Deny" && isEverybody && isWrite && len(one.Condition) == 0 {
			return true
		}
	}
	return false
}

// putObject writes an object. What it holds is nobody's concern.
func (s *Server) putObject(r request) answer {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return answer{isReset: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forbidsWrites() {
		return refuse(errDenied)
	}
	accepted, isRefused := s.admit([]string{r.key})
	if isRefused || !accepted[0] {
		return refuse(errSlowDown)
	}
	s.stats.Written++
	e := s.add(r.key, 0)
	header := http.Header{"Etag": {`"5d41402abc4b2a76b9719d911017c592"`}}
	if !s.config.IsUnversioned {
		header.Set("x-amz-version-id", e.version())
	}
	return answer{status: http.StatusOK, header: header}
}

// setting answers a look at a setting that is as with a new bucket, which has none, or this one.
func setting(body string) func(*Server, request) answer {
	return func(*Server, request) answer { return answer{status: http.StatusOK, body: []byte(body)} }
}

func none(code, message string) func(*Server, request) answer {
	return func(*Server, request) answer { return refuse(&refusal{http.StatusNotFound, code, message}) }
}

func (s *Server) getVersioning(request) answer {
	x := begin("VersioningConfiguration")
	if !s.config.IsUnversioned {
		x.text("Status", "Enabled")
	}
	x.close("VersioningConfiguration")
	return respond(x)
}

func (s *Server) getLocation(request) answer {
	x := begin("LocationConstraint")
	x.escape(s.config.Region)
	x.close("LocationConstraint")
	return respond(x)
}
