package bucketuser

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits is told for what, once. A build that is soon done says nothing.
func TestTellsOfALongBuild(t *testing.T) {
	for takes, want := range map[time.Duration]int{2 * time.Second: 0, time.Minute: 1} {
		synctest.Test(t, func(t *testing.T) {
			var said strings.Builder
			stop := tellLater(&said)
			time.Sleep(takes)
			stop()
			time.Sleep(time.Minute)
			synctest.Wait()
			if is := strings.Count(said.String(), "building the function"); is != want {
				t.Errorf("a build of %s: %q", takes, said.String())
			}
		})
	}
}
