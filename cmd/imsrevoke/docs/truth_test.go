package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// What the documents say of the program is compared with its code. What they say
// of its flags is compared where the flags are.

// readme is the text of the README.
func readme(t *testing.T) Topic {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return Topic{Name: "README", Text: string(text)}
}

// topic is a topic that exists.
func topic(t *testing.T, name string) Topic {
	t.Helper()
	found, ok := Find(name)
	if !ok {
		t.Fatalf("there is no topic %s", name)
	}
	return found
}

// rows are the rows of the tables in a section, without their headers.
func rows(t *testing.T, in Topic, heading string) (all [][]string) {
	t.Helper()
	for _, block := range parse(in.Section(heading)) {
		if block.kind == table {
			all = append(all, block.rows[1:]...)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no table under %q", in.Name, heading)
	}
	return all
}

// spans are the code spans of a text.
func spans(text string) (all []string) {
	for i, span := range strings.Split(text, "`") {
		if i%2 == 1 {
			all = append(all, span)
		}
	}
	return all
}

// TestOutcomes: every outcome is described, and whether it is settled.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, in := range []Topic{readme(t), topic(t, "report")} {
		described := make(map[string]bool)
		for _, row := range rows(t, in, "Outcomes") {
			for _, name := range spans(row[0]) {
				described[name] = true
				o := batch.Outcome(name)
				if !slices.Contains(batch.Outcomes(), o) {
					t.Errorf("%s: there is no outcome %s", in.Name, name)
				}
				if o != batch.Duplicate && row[1] != map[bool]string{true: "yes", false: "no"}[o.Settled()] {
					t.Errorf("%s: %s is settled: %q", in.Name, name, row[1])
				}
			}
		}
		for _, o := range batch.Outcomes() {
			if !described[string(o)] {
				t.Errorf("%s does not describe %s", in.Name, o)
			}
		}
	}
}

// TestReadmeExitCodes: the README has the exit codes of the topic, whose table is
// compared with the program elsewhere.
func TestReadmeExitCodes(t *testing.T) {
	t.Parallel()
	codes := func(table [][]string) (all []string) {
		for _, row := range table {
			all = append(all, row[0])
		}
		return all
	}
	text := topic(t, "exit-codes").Text
	whole := Topic{Name: "exit-codes", Text: strings.Replace(text, "# Exit codes\n", "\n## Exit codes\n", 1)}
	if got, want := codes(rows(t, readme(t), "Exit codes")), codes(rows(t, whole, "Exit codes")); !slices.Equal(got, want) {
		t.Errorf("the README has the exit codes %v, the topic %v", got, want)
	}
}

// TestColumns: the columns of a report are described, in their order.
func TestColumns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "samples", "expected", "pairs.report.csv"))
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(text), "\n")
	var described []string
	for _, row := range rows(t, topic(t, "report"), "Columns") {
		described = append(described, spans(row[0])...)
	}
	if all := strings.Split(strings.TrimSpace(header), ","); len(all) < len(described) || !slices.Equal(all[:len(described)], described) {
		t.Errorf("a report has the columns %q, the topic %q", all, described)
	}
}

// TestDefaultRate: the README names the default rate.
func TestDefaultRate(t *testing.T) {
	t.Parallel()
	if want := fmt.Sprintf("(default %v/s)", batch.DefaultRate); !strings.Contains(readme(t).Text, "`--rate` "+want) {
		t.Errorf("the README does not say %q", want)
	}
}

// A source is what the tests need to know of a file of the program.
type source struct {
	path  string
	texts []string // its string constants
}

// sources are the files of the program, without tests and what only tests use.
var sources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "dist", "testdata", "imagetest", "bench"}, entry.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{path: path}
		ast.Inspect(file, func(n ast.Node) bool {
			if n, ok := n.(*ast.BasicLit); ok && n.Kind == token.STRING {
				if text, err := strconv.Unquote(n.Value); err == nil {
					s.texts = append(s.texts, text)
				}
			}
			return true
		})
		all = append(all, s)
		return nil
	})
	return all, err
})

func sourcesOf(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	if err != nil || len(all) < 100 {
		t.Fatalf("%d source files, %v", len(all), err)
	}
	return all
}

// TestEnvironment: every variable that the program reads is described.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	described := topic(t, "environment").Text + topic(t, "settings").Text
	variable := regexp.MustCompile(`^(OS|HW|HUAWEICLOUD|XDG|HTTPS?|NO|ALL|JOB|SNAP)_[A-Z][A-Z_]*$|^(HOME|USERPROFILE|TERM|TMPDIR|[A-Z]+_DIRECTORY)$`)
	for _, s := range sourcesOf(t) {
		for _, text := range s.texts {
			if variable.MatchString(text) && !strings.Contains(described, "`"+text+"`") {
				t.Errorf("%s: %s is not described in environment.md", s.path, text)
			}
		}
	}
}

// TestMessages: what troubleshooting tells about is a message of the program, and
// each kind of error that has a name is told about.
func TestMessages(t *testing.T) {
	t.Parallel()
	var texts strings.Builder
	for _, s := range sourcesOf(t) {
		for _, text := range s.texts {
			texts.WriteString(text + "\n")
		}
	}
	// Those are words of Glance and of the system.
	theirs := []string{
		"Not allowed to delete members for image", "You are not authorized to complete delete_member action.", "Image ", " not found.",
		"The resource could not be found.", "no such file or directory", "connection refused",
	}
	troubleshooting := topic(t, "troubleshooting")
	for _, block := range parse(troubleshooting.Text) {
		if block.kind != table {
			continue
		}
		for _, row := range block.rows[1:] {
			for _, message := range spans(row[0]) {
				for part := range strings.SplitSeq(message, "…") {
					part = strings.TrimSpace(strings.Trim(part, ":;, "))
					if !strings.Contains(texts.String(), part) && !slices.ContainsFunc(theirs, func(s string) bool { return strings.Contains(s, part) }) {
						t.Errorf("troubleshooting: %q: no message of the program has %q", message, part)
					}
				}
			}
		}
	}
	// Errors that no user meets by these words.
	unseen := []string{
		"no such column", "two such columns", "no header", "endless row", "too many cells", "nothing selected", "not found",
		"the credential is not accepted for this kind of request", "the member lists cannot be read",
	}
	for _, s := range sourcesOf(t) {
		file, err := parser.ParseFile(token.NewFileSet(), s.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range sentinels(file) {
			if !strings.Contains(troubleshooting.Text, start(text)) && !slices.ContainsFunc(unseen, func(known string) bool { return strings.HasPrefix(text, known) }) {
				t.Errorf("%s: troubleshooting does not tell about %q", s.path, text)
			}
		}
	}
}

// start is the part of a message up to what differs each time.
func start(message string) string {
	for _, end := range []string{";", ",", ":"} {
		message, _, _ = strings.Cut(message, end)
	}
	return message
}

// sentinels are the texts of the errors that are variables of a package.
func sentinels(file *ast.File) (texts []string) {
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		ast.Inspect(general, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "New" {
				return true
			} else if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "errors" {
				return true
			}
			arg := call.Args[0]
			for {
				sum, ok := arg.(*ast.BinaryExpr)
				if !ok {
					break
				}
				arg = sum.X
			}
			if lit, ok := arg.(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return false
		})
	}
	return texts
}

// TestMetrics: every metric is described.
func TestMetrics(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`(?m)^imsrevoke_[a-z_]+`)
	described := make(map[string]bool)
	for _, row := range rows(t, topic(t, "scheduling"), "Metrics") {
		for _, span := range spans(row[0]) {
			described[name.FindString(span)] = true
		}
	}
	written := make(map[string]bool)
	for _, m := range []report.Metrics{{Verb: "run"}, {Verb: "list", List: &report.ListCounts{}}} {
		path := filepath.Join(t.TempDir(), "task.prom")
		if err := m.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range name.FindAllString(string(text), -1) {
			written[metric] = true
			if !described[metric] {
				t.Errorf("scheduling does not describe %s", metric)
			}
		}
	}
	for metric := range described {
		if !written[metric] {
			t.Errorf("there is no metric %s", metric)
		}
	}
}

// TestLayout: every package has a place in the table of the directories.
func TestLayout(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("DEVELOPMENT.md")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, row := range rows(t, Topic{Name: "DEVELOPMENT", Text: string(text)}, "Layout") {
		for _, name := range spans(row[0]) {
			described = append(described, name)
			if info, err := os.Stat(filepath.Join(root, name)); err != nil || !info.IsDir() {
				t.Errorf("there is no directory %s", name)
			}
		}
	}
	for _, s := range sourcesOf(t) {
		dir, err := filepath.Rel(root, filepath.Dir(s.path))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(described, filepath.ToSlash(dir)) {
			t.Errorf("%s is not in the table", dir)
		}
	}
}
