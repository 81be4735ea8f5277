package pages

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../../.."

// all are the pages of the repository by their path: those that git knows, and new ones.
func all(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md")
	cmd.Dir = root
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	return texts
}

// TestReadmeIsShort holds README to what somebody reads who decides, and to the order in which they ask.
func TestReadmeIsShort(t *testing.T) {
	text := all(t)[Readme]
	if lines := strings.Count(text, "\n"); lines > 220 {
		t.Errorf("README has %d lines, and at most 220 are read; move some to %s", lines, InFull)
	}
	if words := len(strings.Fields(text)); words > 2600 {
		t.Errorf("README has %d words, and at most 2,600 are read; move some to %s", words, InFull)
	}
	var chapters []string
	for _, match := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(Prose(text), -1) {
		chapters = append(chapters, match[1])
	}
	want := []string{"What it creates, and when not to use it", "Use it", "Try it", "Properties", "Values and secret",
		"Deletion and your data", "Credentials", "Rotation and a leaked key", "When something fails", "Links"}
	if diff := cmp.Diff(want, chapters); diff != "" {
		t.Errorf("chapters of README (-want +got):\n%s", diff)
	}
	pictures := 0
	for _, block := range Blocks(text) {
		if block.Language == "mermaid" {
			pictures++
		}
	}
	if pictures != 2 {
		t.Errorf("README has %d pictures, want one of what is created and one of a rotation", pictures)
	}
}

// TestPagesSayWhatTheyAreFor wants the title of each page to go on with its purpose.
func TestPagesSayWhatTheyAreFor(t *testing.T) {
	for file, text := range all(t) {
		first, _, _ := strings.Cut(text, "\n")
		title, purpose, _ := strings.Cut(first, ": ")
		if !strings.HasPrefix(title, "# ") || len(strings.Fields(purpose)) < 3 {
			t.Errorf("%s: the first line is %q, and should be \"# title: purpose\"", file, first)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the links between the pages and into the repository, to the heading if they name one.
func TestLinksLeadSomewhere(t *testing.T) {
	texts := all(t)
	followed := 0
	for file, text := range texts {
		for _, match := range link.FindAllStringSubmatch(Prose(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			followed++
			target, anchor, hasAnchor := strings.Cut(match[1], "#")
			page := file
			if target != "" {
				page = path.Join(path.Dir(file), target)
			}
			if _, err := os.Stat(filepath.Join(root, page)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, match[1])
			} else if hasAnchor && !slices.Contains(anchors(texts[page]), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", file, match[1], page)
			}
		}
	}
	if followed < 50 {
		t.Errorf("followed %d links", followed)
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchors are what GitHub calls the headings of a page. No page has two of one name.
func anchors(text string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(Prose(text), -1) {
		name := notInAnchors.ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestContentsAreComplete wants each chapter of the long page in its table of contents.
func TestContentsAreComplete(t *testing.T) {
	text := all(t)[InFull]
	contents, _, _ := strings.Cut(text, "\n## ")
	for _, match := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(Prose(text), -1) {
		if !strings.Contains(contents, "["+match[1]+"](#") {
			t.Errorf("the contents of %s lack %q", InFull, match[1])
		}
	}
}

// What the pictures are made of: a small part of Mermaid, which GitHub draws. Mermaid itself is 200 MB of packages.
var (
	node  = `[a-z]+(\["[^"\[\]]+"\])?`
	drawn = map[string]*regexp.Regexp{
		"flowchart": regexp.MustCompile(`^(flowchart (LR|TB)|subgraph ` + node + `|end|` + node + `( -->(\|"[^"|]+"\|)? ` + node + `)?)$`),
		"gantt":     regexp.MustCompile(`^(gantt|dateFormat YYYY-MM-DD|axisFormat [a-z]+ %j|tickInterval \d+day|section [^:#;]+|[^:#;]+ :(active, )?(\d{4}-\d\d-\d\d, )?\d+d)$`),
	}
)

// TestPicturesAreDrawn wants each line of a picture to be of that part.
func TestPicturesAreDrawn(t *testing.T) {
	pictures := 0
	for file, text := range all(t) {
		for _, block := range Blocks(text) {
			if block.Language == "mermaid" {
				pictures++
				wantDrawn(t, file, block.Text)
			}
		}
	}
	if pictures == 0 {
		t.Error("no picture")
	}
}

func wantDrawn(t *testing.T, file, picture string) {
	t.Helper()
	kind := drawn[strings.Fields(picture)[0]]
	if kind == nil {
		t.Fatalf("%s: a picture of an unknown kind:\n%s", file, picture)
	}
	for line := range strings.Lines(picture) {
		if !kind.MatchString(strings.TrimSpace(line)) {
			t.Errorf("%s: the line %q of a picture may not be drawn", file, line)
		}
	}
}
