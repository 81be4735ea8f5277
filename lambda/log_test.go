package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logKeys are the keys of log lines beside those that name the event. One key has one
// meaning on every line.
var logKeys = map[string]bool{
	"secret": true, "user": true, "bucket": true, "accessKeyId": true, "part": true, // what it is about
	"physicalResourceId": true, "status": true, "sentAt": true, // of event and answer
	"reason": true, "until": true, "atMost": true, "deleted": true, "recoveryDays": true, "run": true, "rate": true, "format": true, "knownFormat": true,
	"perSecond": true, "busy": true, "ranges": true, "left": true, "uploads": true, // of an emptying
	"property": true, "onDelete": true, "sid": true, "principal": true, "key": true, "version": true, // of the template, of a bucket policy and of objects
	"before": true, "prefix": true, "remedy": true, // of a Prefix that moves
	"days": true, "function": true, "rotation": true, "previous": true, "lastUsed": true, "service": true, // of a rotation and of a key that goes
	"type": true, "stack": true, // of an internal error
}

// TestLogLines holds the table of log lines in README.md against the code: operators build
// alarms and queries on them.
func TestLogLines(t *testing.T) {
	documented := documentedLines(t)
	for _, line := range logLines(t) {
		if !documented[line.String()] {
			t.Errorf("README.md lacks the log line %s", line)
		}
		delete(documented, line.String())
		for _, key := range line.keys {
			if !logKeys[key] {
				t.Errorf("log line %q: %s is not a key of logKeys", line.message, key)
			}
		}
	}
	for row := range documented {
		t.Errorf("README.md has the log line %s, which no code writes", row)
	}
}

// documentedLines are the rows of the table in README.md, as logLine.String has them.
func documentedLines(t *testing.T) map[string]bool {
	t.Helper()
	_, table, _ := strings.Cut(readme(t), "<!-- log -->\n")
	table, _, _ = strings.Cut(table, "<!-- /log -->")
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 4 && strings.HasPrefix(cells[1], " `") {
			rows[strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[2])+" "+strings.TrimSpace(cells[3])] = true
		}
	}
	return rows
}

type logLine struct {
	message, level string
	keys           []string
}

func (l logLine) String() string {
	keys := "none"
	if len(l.keys) > 0 {
		keys = "`" + strings.Join(l.keys, "` `") + "`"
	}
	return fmt.Sprintf("`%s` %s %s", l.message, l.level, keys)
}

// logLines are those of the function's packages, as the code writes them.
func logLines(t *testing.T) (lines []logLine) {
	t.Helper()
	seen := map[string]bool{}
	for _, floor := range floors {
		for _, folder := range floor {
			lines = append(lines, logLinesOf(t, folder, seen)...)
		}
	}
	return lines
}

func logLinesOf(t *testing.T, folder string, seen map[string]bool) (lines []logLine) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if line, ok := logLineOf(t, n); ok && !seen[line.String()] {
				seen[line.String()] = true
				lines = append(lines, line)
			}
			return true
		})
	}
	return lines
}

// logLineOf reads a call of a logger. Messages and keys are literals, so that they can be
// searched for.
func logLineOf(t *testing.T, n ast.Node) (line logLine, ok bool) {
	t.Helper()
	call, isCall := n.(*ast.CallExpr)
	if !isCall {
		return line, false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod || !isLogger(method.X) || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) {
		return line, false
	}
	line.level = method.Sel.Name
	line.message = literal(t, call.Args[0])
	for i := 1; i < len(call.Args); i += 2 {
		line.keys = append(line.keys, literal(t, call.Args[i]))
	}
	return line, true
}

func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "log"
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	}
	return false
}

func literal(t *testing.T, x ast.Expr) string {
	t.Helper()
	text, isLiteral := x.(*ast.BasicLit)
	if !isLiteral {
		t.Fatal("a message or a key of a log line is no literal, so nobody can search for it")
	}
	value, err := strconv.Unquote(text.Value)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
