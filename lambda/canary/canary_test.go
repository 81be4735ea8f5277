package canary_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"bucketuser/lambda/canary"
)

const (
	secret    = `wJalrXUtnFEMI/K7MDENG+bPxRfiCY"<EXAMPLE>`
	signature = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
	address   = "https://x.s3.amazonaws.com/arn%3Aaws?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261123%2Feu-west-1&X-Amz-Signature=" + signature
)

func watching() *canary.Canary {
	var c canary.Canary
	c.Secret(secret)
	c.ResponseURL(address)
	return &c
}

// Each of these is a way in which a secret has been printed by some program.
func TestEveryFormOfALeakIsFound(t *testing.T) {
	object, err := json.Marshal(map[string]string{"AWS_SECRET_ACCESS_KEY": secret})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(string(object))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"plain":                      "key " + secret,
		"Go syntax":                  fmt.Sprintf("%q", secret),
		"JSON":                       string(object),
		"JSON in JSON":               string(twice),
		"JSON with escaped slashes":  strings.ReplaceAll(secret, "/", `\/`),
		"URL query":                  url.Values{"k": {secret}}.Encode(),
		"URL path":                   url.PathEscape(secret),
		"lower-case URL":             strings.ToLower(url.QueryEscape("/+")) + url.QueryEscape(secret),
		"base64":                     base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 of a JSON object":    base64.StdEncoding.EncodeToString(object),
		"base64 of another object":   base64.StdEncoding.EncodeToString([]byte(" " + string(object))),
		"base64 of a third object":   base64.StdEncoding.EncodeToString([]byte("  " + string(object))),
		"URL-safe base64":            base64.URLEncoding.EncodeToString(object),
		"the address":                "Put \"" + address + "\": EOF",
		"the signature":              "sig=" + signature[20:40],
		"the query without the host": address[strings.Index(address, "?")+1:],
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			err := watching().Scan("the log", text)
			if err == nil {
				t.Fatalf("not found in %s", text)
			}
			if strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), signature[:8]) {
				t.Errorf("the error leaks: %v", err)
			}
		})
	}
}

func TestEveryWindowIsFound(t *testing.T) {
	for i := range len(secret) - 7 {
		if watching().Scan("the log", "… "+secret[i:i+8]+" …") == nil {
			t.Errorf("bytes %d to %d are not found", i, i+7)
		}
	}
}

func TestOrdinaryTextsAreNotLeaks(t *testing.T) {
	c := watching()
	for _, text := range []string{"", "short", secret[:7], signature[:7], `{"X-Amz-Algorithm":"AWS4-HMAC-SHA256"}`,
		"https://x.s3.amazonaws.com/arn%3Aaws", "s3.eu-west-1.amazonaws.com", strings.Repeat("0", 100)} {
		if err := c.Scan("the log", text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if c.Texts != 8 || c.Bytes == 0 || c.Windows == 0 {
		t.Errorf("counted %d texts, %d bytes, %d windows", c.Texts, c.Bytes, c.Windows)
	}
}

func TestNothingKnownFindsNothing(t *testing.T) {
	var c canary.Canary
	c.Secret("")
	c.ResponseURL("https://x.s3.amazonaws.com/without-a-query")
	if err := c.Scan("the log", secret+address); err != nil {
		t.Error(err)
	}
}
