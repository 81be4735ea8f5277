package spec

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the one of names that somebody meant who wrote word, or "" if none is near: it differs in a letter for
// each three that it has, and in their case.
func Nearest(word string, names []string) string {
	nearest, least := "", max(1, len(word)/3)+1
	for _, name := range names {
		if far := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(name)); far < least {
			nearest, least = name, far
		}
	}
	return nearest
}

// unknown is the reason to refuse a property that there is not.
func unknown(name string) string {
	var names []string
	for _, row := range Table {
		names = append(names, row.Name)
	}
	return "is not a property of " + ResourceType + meant(name, names)
}

// meant asks about the nearest of names, and does not repeat the word: that may be anything, and reasons are logged.
func meant(word string, names []string) string {
	if nearest := Nearest(word, names); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	return ""
}
