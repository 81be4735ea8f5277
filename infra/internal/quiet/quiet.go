// Package quiet ends jsii, the runtime of the CDK, without what it says about that.
package quiet

import (
	"bytes"
	"io"
	"os"
	"regexp"

	"github.com/aws/jsii-runtime-go"
)

// noise is what jsii writes, without the end of a line, if the second of the two that wait for its process comes late.
// All is well then.
var noise = regexp.MustCompile(`Runtime process exited abnormally: wait[a-z0-9]*: no child processes`)

// Close is jsii.Close for a program that prints nothing to standard error after it.
func Close() {
	stderr := os.Stderr
	reader, writer, err := os.Pipe()
	if err != nil {
		jsii.Close()
		return
	}
	os.Stderr = writer
	filtered := make(chan struct{})
	go func() {
		defer close(filtered)
		filter(stderr, reader)
	}()
	jsii.Close()
	writer.Close() // what comes later is the noise
	<-filtered
}

// filter copies what is written at once without the noise.
func filter(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if rest := noise.ReplaceAll(buffer[:n], nil); len(bytes.TrimSpace(rest)) > 0 {
			_, _ = to.Write(rest)
		}
		if err != nil {
			return
		}
	}
}
