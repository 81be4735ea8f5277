// Package pages reads the Markdown pages of the repository for the tests that run what they tell people to run, and for
// those that compare them with the code. It knows Markdown, and nothing of what the pages say.
package pages

import (
	"regexp"
	"strings"
)

// The pages that hold most of what is run.
const (
	Readme = "README.md"
	InFull = "infra/README.md"
)

// A Block is a fenced block of a page.
type Block struct{ Language, Text string }

// fences are blocks at any indent; the text of one that is indented keeps its indent.
var fences = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```")

// Blocks are the fenced blocks of a page, in their order.
func Blocks(text string) []Block {
	var all []Block
	for _, match := range fences.FindAllStringSubmatch(text, -1) {
		all = append(all, Block{match[1], match[2]})
	}
	return all
}

// Prose is a page without its fenced blocks.
func Prose(text string) string { return fences.ReplaceAllString(text, "") }

// Commands are the lines of a page that people are told to run, whole: those after "$ " in a block of a console. A
// command goes on after a line that ends in "\" or "|".
func Commands(text string) []string {
	var all []string
	for _, block := range Blocks(text) {
		if block.Language == "console" {
			all = append(all, commandsOf(block.Text)...)
		}
	}
	return all
}

func commandsOf(block string) []string {
	var all []string
	goesOn := false
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		command, isNew := strings.CutPrefix(line, "$ ")
		switch {
		case isNew:
			all = append(all, command)
		case goesOn:
			all[len(all)-1] += "\n" + line
		default:
			continue // what the command prints
		}
		goesOn = strings.HasSuffix(line, `\`) || strings.HasSuffix(line, "|")
	}
	return all
}

var aside = regexp.MustCompile("`((?:make|aws|go|npx|cdk|git|bucketuser) [^`…]+)`")

// Asides are the commands with arguments in the sentences of a page. One with "…" is the name of a command.
func Asides(text string) []string {
	var all []string
	for _, match := range aside.FindAllStringSubmatch(Prose(text), -1) {
		all = append(all, strings.ReplaceAll(match[1], "\n", " "))
	}
	return all
}

// Marked is what stands between <!-- name --> and <!-- /name -->, or "".
func Marked(text, name string) string {
	_, rest, _ := strings.Cut(text, "<!-- "+name+" -->\n")
	inside, _, found := strings.Cut(rest, "<!-- /"+name+" -->")
	if !found {
		return ""
	}
	return inside
}
