package awsfake

import (
	"fmt"
	"reflect"
)

// Unnoted are the things that are not as they were when they were noted last.
func (a *AWS) Unnoted() (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.past.known == nil {
		return nil
	}
	live := a.live()
	for _, what := range things(a.past.known, live) {
		if !reflect.DeepEqual(a.past.known[what], live[what]) {
			names = append(names, fmt.Sprint(what))
		}
	}
	return names
}
