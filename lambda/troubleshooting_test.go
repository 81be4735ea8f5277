package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// notOurWords are quoted in the table and said by others.
var notOurWords = map[string]bool{
	"No updates are to be performed": true, "no changes": true, "Modifying service token is not allowed": true, "Function not found: arn:aws:lambda": true,
	"is in ROLLBACK_COMPLETE state and can not be updated": true,
	"Cannot delete a policy attached to entities":          true,
	"Parameters: [CodeKey] do not exist in the template":   true, "NoSuchKey": true,
	"A previous rotation isn't complete": true, "rotate-secret": true,
	"user": true, "secret": true, "SecretName": true,
}

// TestTroubleshootingQuotesWhatIsSaid holds the errors in the table of infra/README.md against the texts of the code. Between two "…" a
// quotation is as it stands in one text, or goes over from one to the next where an error wraps another.
func TestTroubleshootingQuotesWhatIsSaid(t *testing.T) {
	text, err := os.ReadFile("../infra/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Troubleshooting\n")
	table, _, _ = strings.Cut(table, "\n## ")
	said := saidTexts(t)
	rows := 0
	for line := range strings.Lines(table) {
		error, _, isRow := strings.Cut(line, " | ")
		if !isRow || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| error") {
			continue
		}
		rows++
		for _, piece := range quotations(error) {
			if !notOurWords[piece] && !isSaid(said, piece) {
				t.Errorf("infra/README.md quotes %s, and no text has %q", error, piece)
			}
		}
	}
	if rows < 25 {
		t.Errorf("infra/README.md has %d rows", rows)
	}
}

// quotations are what stands between the … of each quotation in a cell.
func quotations(cell string) (pieces []string) {
	for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		for _, piece := range strings.Split(quoted[1], "…") {
			pieces = append(pieces, strings.Trim(piece, " ;:,."))
		}
	}
	return pieces
}

// isSaid reports whether one text has the piece, or two have the ends of it that meet at a colon.
func isSaid(said []string, piece string) bool {
	has := func(part string) bool {
		for _, text := range said {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	if has(piece) {
		return true
	}
	for i := range piece {
		if strings.HasPrefix(piece[i:], ": ") && has(piece[:i]) && isSaid(said, piece[i+2:]) {
			return true
		}
	}
	return false
}

// saidTexts are the strings of the function and of the commands, with … for what is filled in.
func saidTexts(t *testing.T) (all []string) {
	t.Helper()
	folders := []string{"infra/local/tools", "infra/local", "infra/demo", "infra/bucketuser"}
	for _, floor := range floors {
		folders = append(folders, floor...)
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				all = append(all, textsOf(t, file)...)
			}
		}
	}
	return all
}

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-z]`)

func textsOf(t *testing.T, file string) (all []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		expression, ok := node.(ast.Expr)
		if !ok {
			return true
		}
		text, isText := joined(expression)
		if isText {
			all = append(all, verb.ReplaceAllString(text, "…"))
		}
		return !isText
	})
	return all
}

// joined is a string that stands in the code, in one piece or in several; … is what is no constant of it.
func joined(e ast.Expr) (text string, isText bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, isLeft := joined(e.X)
		right, isRight := joined(e.Y)
		if e.Op != token.ADD || !isLeft && !isRight {
			return "", false
		}
		if !isLeft {
			left = "…"
		}
		if !isRight {
			right = "…"
		}
		return left + right, true
	}
	return "", false
}
