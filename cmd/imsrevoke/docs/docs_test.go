package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// root is where the README is.
var root = filepath.Join("..", "..", "..")

// TestEveryFileIsATopic: what is embedded can be shown.
func TestEveryFileIsATopic(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := strings.TrimSuffix(entry.Name(), ".md"); !slices.Contains(names[:], name) {
			t.Errorf("%s is not listed as a topic", entry.Name())
		}
	}
	for _, topic := range All() {
		if topic.Title == "" || !strings.HasPrefix(topic.Text, "# "+topic.Title+"\n") {
			t.Errorf("%s does not start with a title: %.40q", topic.Name, topic.Text)
		}
	}
	if _, ok := Find("nosuch"); ok {
		t.Error("there is a topic nosuch")
	}
}

// TestTopicsFitTheTerminal: only code and words that cannot be broken are wider
// than the terminal.
func TestTopicsFitTheTerminal(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, topic := range All() {
		for _, columns := range []int{60, 80, 100} {
			for line := range strings.Lines(Render(code.ReplaceAllString(topic.Text, ""), columns)) {
				line = strings.TrimRight(line, "\n")
				if displayed(line) > columns && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%s, %d columns: %d in %q", topic.Name, columns, displayed(line), line)
				}
			}
		}
	}
}

// TestTopicsAreSimple: the documents use only the Markdown that Render knows.
func TestTopicsAreSimple(t *testing.T) {
	t.Parallel()
	unknown := regexp.MustCompile(`^(####|>|[*+] |\s+[-*] |\s+\x60\x60\x60|!\[|<[a-zA-Z]|===|---)|<br>|\]\[`)
	for _, topic := range All() {
		for _, block := range parse(topic.Text) {
			if block.kind == code {
				continue
			}
			for _, text := range append(slices.Concat(block.rows...), block.text) {
				if unknown.MatchString(text) {
					t.Errorf("%s: Render does not know this: %.80q", topic.Name, text)
				}
			}
			for _, row := range block.rows {
				if len(row) != len(block.rows[0]) {
					t.Errorf("%s: a row has %d cells, its header %d: %q", topic.Name, len(row), len(block.rows[0]), row)
				}
			}
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	const text = `# A title

Words and **more** words, see [safety](safety.md), [the
flags](flags.md#limits), [here](#part), [a file](../x.yaml)
and [a page](https://example.com/).

## Part

- an item of ` + "`two words`" + `
  that goes on
- another

1. a step

| name | meaning |
|---|---|
| ` + "`a\\|b`" + ` | a cell that has to be wrapped because it is long |

` + "```sh\nrun --this    # and a comment that is longer than the line\n```\n"
	const want = `A title

  Words and more words, see
  ` + "`imsrevoke help safety`" + `, the
  flags (` + "`imsrevoke help flags`" + `),
  here, a file and a page
  (https://example.com/).

Part

  - an item of ` + "`two words`" + ` that
    goes on
  - another

  1. a step

  name   meaning
  -----  -------------------------
  ` + "`a|b`" + `  a cell that has to be
         wrapped because it is
         long

    run --this    # and a comment that is longer than the line
`
	if diff := cmp.Diff(want, Render(text, 34)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestRenderNarrow: a table that does not fit is shown row by row.
func TestRenderNarrow(t *testing.T) {
	t.Parallel()
	const text = "| name | more | |\n|---|---|---|\n| `abcdefghij` | klmnopqrst | the end |\n"
	const want = "  `abcdefghij`\n      more: klmnopqrst\n      the end\n"
	if diff := cmp.Diff(want, Render(text, 24)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// documents are the README and every other Markdown file, from the root.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", "bin", "dist"}, entry.Name()) {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil || len(found) < len(names) {
		t.Fatalf("%d documents, %v", len(found), err)
	}
	return found
}

// TestLinks: what a document of this repository links to within it is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	fence := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link().FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
			target := match[2]
			if strings.Contains(target, "://") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			linked := file
			if path != "" {
				linked = filepath.Join(filepath.Dir(file), path)
			}
			other, err := os.ReadFile(linked)
			if info, e := os.Stat(linked); e == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", file, target, err)
			} else if anchor != "" && !slices.Contains(anchors(string(other)), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", file, target)
			}
		}
	}
}

// anchors are the names that GitHub gives to the headings of a document.
func anchors(text string) []string {
	var all []string
	for _, block := range parse(text) {
		if block.kind != heading {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, block.text))
	}
	return all
}
