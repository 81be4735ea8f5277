// Package canary finds secrets where they must not be. It is for tests.
//
// A [Canary] knows secret access keys and ResponseURLs and looks for them in texts:
// logs, answers, errors, templates, what an account shows. A secret counts as leaked
// when any eight bytes of it stand there in a row, plain or in one of the encodings
// in which programs print things. It knows nothing of AWS, so that every package's
// tests can use it.
package canary

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// window is how many bytes in a row are a leak: enough that chance does not produce
// them, and few enough that a secret cut or wrapped by a printer is still found.
const window = 8

// minWhole is the length in bytes from which a text that is searched as a whole
// counts. A shorter one is a word that may stand anywhere.
const minWhole = 12

// A Canary knows what must not appear. The zero value knows nothing yet. It is not
// safe for concurrent use.
type Canary struct {
	windows map[uint64]string // what each window is a part of
	whole   map[string]string // texts that count only as a whole, such as a query
	known   map[string]bool

	// Texts and Bytes are how much was searched. Windows is how many sequences of
	// eight bytes were looked up.
	Texts, Bytes, Windows int
}

// Secret makes a secret known. Repeating it changes nothing.
func (c *Canary) Secret(secret string) {
	if secret == "" || c.isKnown(secret) {
		return
	}
	for form, text := range forms(secret) {
		c.watch("secret, "+form, text)
	}
}

// ResponseURL makes the query of a presigned address known: the whole of it, and
// every part of its signature and its token. Repeating it changes nothing.
func (c *Canary) ResponseURL(address string) {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery == "" || c.isKnown(address) {
		return
	}
	for form, text := range forms(u.RawQuery) {
		c.watchWhole("query of the ResponseURL, "+form, text)
	}
	for name, values := range u.Query() {
		for _, value := range values {
			switch name {
			case "X-Amz-Signature", "X-Amz-Security-Token", "Signature":
				for form, text := range forms(value) {
					c.watch(name+" of the ResponseURL, "+form, text)
				}
			}
		}
	}
}

// Scan looks for everything known in a text. Its error names the place, what of
// which secret was found and where in the text, and does not quote it.
func (c *Canary) Scan(place, text string) error {
	c.Texts++
	c.Bytes += len(text)
	var key uint64
	for i := range len(text) {
		key = key<<8 | uint64(text[i])
		if i < window-1 {
			continue
		}
		c.Windows++
		if what, ok := c.windows[key]; ok {
			return fmt.Errorf("leak in %s, at byte %d of %d: %s", place, i-window+1, len(text), what)
		}
	}
	for whole, what := range c.whole {
		if i := strings.Index(text, whole); i >= 0 {
			return fmt.Errorf("leak in %s, at byte %d of %d: %s", place, i, len(text), what)
		}
	}
	return nil
}

func (c *Canary) isKnown(text string) bool {
	if c.known == nil {
		c.known, c.windows, c.whole = map[string]bool{}, map[uint64]string{}, map[string]string{}
	}
	was := c.known[text]
	c.known[text] = true
	return was
}

// watch makes every window of a text known, or all of a text that is no longer.
func (c *Canary) watch(what, text string) {
	if len(text) <= window {
		c.whole[text] = what
		return
	}
	var key uint64
	for i := range len(text) {
		key = key<<8 | uint64(text[i])
		if i >= window-1 {
			if _, ok := c.windows[key]; !ok {
				c.windows[key] = what
			}
		}
	}
}

func (c *Canary) watchWhole(what, text string) {
	if len(text) >= minWhole {
		c.whole[text] = what
	}
}

// forms are the ways in which a text may be printed, by name.
func forms(s string) map[string]string {
	quoted, _ := json.Marshal(s) // a string always encodes
	escaped := strings.Trim(string(quoted), `"`)
	f := map[string]string{
		"plain":             s,
		"JSON":              escaped,
		"JSON twice":        strings.ReplaceAll(strings.ReplaceAll(escaped, `\`, `\\`), `"`, `\"`),
		"JSON with \\/":     strings.ReplaceAll(escaped, "/", `\/`),
		"JSON with \\u":     strings.NewReplacer("/", `\u002f`, "+", `\u002b`, "=", `\u003d`).Replace(escaped),
		"JSON with \\U":     strings.NewReplacer("/", `\u002F`, "+", `\u002B`, "=", `\u003D`).Replace(escaped),
		"URL query":         url.QueryEscape(s),
		"URL path":          url.PathEscape(s),
		"URL in lower case": lowerEscapes(url.QueryEscape(s)),
		"URL twice":         url.QueryEscape(url.QueryEscape(s)),
	}
	for offset := range 3 {
		f[fmt.Sprintf("base64 at %d", offset)] = encoded(base64.RawStdEncoding, s, offset)
		f[fmt.Sprintf("URL-safe base64 at %d", offset)] = encoded(base64.RawURLEncoding, s, offset)
	}
	return f
}

// encoded is s in base64 as it looks when offset bytes stand before it and others
// follow, without the characters that depend on those.
func encoded(encoding *base64.Encoding, s string, offset int) string {
	text := encoding.EncodeToString(append(make([]byte, offset), s...))
	first := []int{0, 2, 3}[offset]
	last := (offset + len(s)) / 3 * 4
	if last <= first {
		return text
	}
	return text[first:last]
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '%' && i+2 < len(b) {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
