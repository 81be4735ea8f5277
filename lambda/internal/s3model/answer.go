package s3model

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// refusal is an error of S3.
type refusal struct {
	status        int
	code, message string
}

var (
	errSlowDown    = &refusal{http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."}
	errInternal    = &refusal{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."}
	errLocked      = &refusal{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."}
	errDenied      = &refusal{http.StatusForbidden, "AccessDenied", "Access Denied"}
	errNoBucket    = &refusal{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	errNoVersion   = &refusal{http.StatusNotFound, "NoSuchVersion", "The specified version does not exist."}
	errBadVersion  = &refusal{http.StatusBadRequest, "InvalidArgument", "Invalid version id specified"}
	errMalformed   = &refusal{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"}
	errUnsupported = &refusal{http.StatusNotImplemented, "NotImplemented", "The model of S3 does not know this call"}
)

// answer is what a call gets.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	isReset bool // the connection is reset instead
	refused string
}

func refuse(why *refusal) answer {
	var x document
	x.open("Error")
	x.text("Code", why.code)
	x.text("Message", why.message)
	x.text("RequestId", requestID)
	x.text("HostId", "host-"+requestID)
	x.close("Error")
	return answer{status: why.status, body: x.bytes, refused: why.code}
}

const requestID = "4442587FB7D0A2F9"

func respond(x document) answer { return answer{status: http.StatusOK, body: x.bytes} }

// document is XML that is being written.
type document struct{ bytes []byte }

const namespace = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// begin writes the outermost element, which document.close closes.
func begin(name string) document {
	return document{append(make([]byte, 0, 1024), `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"+name+namespace+">"...)}
}

func (x *document) open(name string) {
	x.bytes = append(append(append(x.bytes, '<'), name...), '>')
}

func (x *document) close(name string) {
	x.bytes = append(append(append(x.bytes, "</"...), name...), '>')
}

func (x *document) text(name, value string) {
	x.open(name)
	x.escape(value)
	x.close(name)
}

func (x *document) number(name string, n int) { x.text(name, strconv.Itoa(n)) }

func (x *document) flag(name string, is bool) { x.text(name, strconv.FormatBool(is)) }

// optional writes nothing for an empty value.
func (x *document) optional(name, value string) {
	if value != "" {
		x.text(name, value)
	}
}

// escape writes text. As S3 does, it writes a reference to a character that no XML can carry: no reader accepts that.
func (x *document) escape(s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '&':
			x.bytes = append(x.bytes, "&amp;"...)
		case c == '<':
			x.bytes = append(x.bytes, "&lt;"...)
		case c == '>':
			x.bytes = append(x.bytes, "&gt;"...)
		case c < ' ' || strings.HasPrefix(s[i:], "\uFFFE") || strings.HasPrefix(s[i:], "\uFFFF"):
			r, size := utf8.DecodeRuneInString(s[i:])
			x.bytes = append(strconv.AppendInt(append(x.bytes, "&#x"...), int64(r), 16), ';')
			i += size - 1
		default:
			x.bytes = append(x.bytes, c)
		}
	}
}

// encoder writes keys as a listing asks for them.
type encoder struct{ isURL bool }

// key encodes as S3 does: slashes stay, and a space is a plus sign.
func (e encoder) key(s string) string {
	if !e.isURL {
		return s
	}
	return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/")
}
