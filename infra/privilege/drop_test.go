//go:build e2e

package privilege

import (
	"slices"
)

// A drop is one thing less in a policy of the role: an action of a statement, or
// all of them.
type drop struct {
	document, sid string
	action        string // "" is the whole statement
}

func (d drop) String() string {
	if d.action == "" {
		return d.sid
	}
	return d.sid + " " + d.action
}

// dropsOf returns everything that can be dropped.
func dropsOf(documents []document) (all []drop) {
	for _, d := range documents {
		for _, s := range d.statements {
			actions := s.actions()
			for _, action := range actions {
				all = append(all, drop{d.id, s.sid(), action})
			}
			if len(actions) > 1 {
				all = append(all, drop{d.id, s.sid(), ""})
			}
		}
	}
	return all
}

// without returns the policies without what is dropped.
func (d drop) without(documents []document) []document {
	var rest []document
	for _, document := range documents {
		if document.id == d.document {
			document.statements = slices.Clone(document.statements)
			for i, s := range document.statements {
				if s.sid() != d.sid {
					continue
				}
				actions := slices.DeleteFunc(s.actions(), func(a string) bool { return d.action == "" || a == d.action })
				if len(actions) == 0 {
					document.statements = slices.Delete(document.statements, i, i+1)
					break
				}
				document.statements[i] = s.allowing(actions)
			}
		}
		rest = append(rest, document)
	}
	return rest
}

// with returns the policies with the action in the statement that it is dropped from.
func (d drop) with(documents []document) []document {
	for _, document := range documents {
		for i, s := range document.statements {
			if document.id == d.document && s.sid() == d.sid {
				document.statements[i] = s.allowing(append(s.actions(), d.action))
			}
		}
	}
	return documents
}

// allowing returns the statement with other actions.
func (s statement) allowing(actions []string) statement {
	changed := statement{}
	for key, value := range s {
		changed[key] = value
	}
	list := make([]any, len(actions))
	for i := range actions {
		list[i] = actions[i]
	}
	changed["Action"] = list
	return changed
}
