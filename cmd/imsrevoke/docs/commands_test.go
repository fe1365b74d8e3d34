//go:build !windows

package docs

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
	"imsrevoke/samples"
)

// commands are the lines of the shell in a document, without their comments.
func commands(markdown string) (lines []string) {
	for _, block := range parse(markdown) {
		if block.kind != code || block.language != "sh" {
			continue
		}
		for _, line := range block.lines {
			line, _, _ = strings.Cut(line, " #")
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// A newcomer is somebody in a directory with a list, the credentials of a simulated
// cloud, and the program.
type newcomer struct {
	*testing.T
	dir         string
	cloud       *imagetest.Cloud
	environment []string
}

// stranger is a member of all images that pairs.csv does not name.
const stranger = "5712a9e0000000000000000000000001"

// newNewcomer takes the directory of the program.
func newNewcomer(t *testing.T, program string) *newcomer {
	n := &newcomer{T: t, dir: t.TempDir(), cloud: imagetest.NewCloud()}
	rows, err := csv.NewReader(strings.NewReader(string(samples.Pairs))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		n.cloud.Share(row[0], row[1])
		n.cloud.Share(row[0], stranger)
	}
	server := imagetest.NewServer(n.cloud)
	t.Cleanup(server.Close)
	samplesDir, err := filepath.Abs(filepath.Join(root, "samples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Symlink(samplesDir, filepath.Join(n.dir, "samples")),
		os.Symlink(program, filepath.Join(n.dir, "bin")),
		os.WriteFile(filepath.Join(n.dir, "pairs.csv"), samples.Pairs, 0o600),
		os.WriteFile(filepath.Join(n.dir, "clouds.yaml"), []byte("clouds: {images: {auth: {auth_url: '"+server.AuthURL+"', username: '"+imagetest.UserName+
			"', password: '"+imagetest.Password+"', user_domain_name: '"+imagetest.DomainName+"', project_name: '"+imagetest.ProjectName+
			"', project_domain_name: '"+imagetest.DomainName+"'}}}\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	n.environment = []string{
		"PATH=" + program + ":" + os.Getenv("PATH"), "HOME=" + n.dir, "TMPDIR=" + t.TempDir(), "OS_CLOUD=images",
		"IMSREVOKE_YES=true", "IMSREVOKE_RATE=unlimited", // the newcomer answers the question, and does not wait
	}
	return n
}

// run runs a line as a shell does, and judges its exit code.
func (n *newcomer) run(line string, code int) {
	n.Helper()
	cmd := exec.CommandContext(n.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = n.dir, n.environment
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		n.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		n.Errorf("%s: exit code %d, want %d\n%s", line, got, code, out)
	}
}

// TestMakeBuild: the program of "make build" in a clone says of which commit it is,
// in what it prints and in what it leaves behind.
func TestMakeBuild(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the program from a clone")
	}
	clone := t.TempDir()
	git := func(dir string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil && os.Getenv("CI") == "" {
		t.Skip("this is not a clone")
	}
	for name := range strings.SplitSeq(strings.TrimRight(git(root, "ls-files", "-z"), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) { // removed, and not yet committed
			continue
		}
		to := filepath.Join(clone, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	git(clone, "init", "--quiet")
	git(clone, "add", "--all")
	git(clone, "commit", "--quiet", "--no-verify", "--message", "test")
	commit, day, _ := strings.Cut(strings.TrimSpace(git(clone, "log", "-1", "--format=%H %cd", "--date=format:%Y%m%d")), " ")

	build := exec.CommandContext(t.Context(), "make", "-s", "build")
	build.Dir = clone
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false") // as some environments have it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := newNewcomer(t, filepath.Join(clone, "bin"))
	n.run("imsrevoke version >version && imsrevoke run pairs.csv --html page.html --metrics run.prom", 0)
	for _, name := range []string{"version", "pairs.report.csv.journal", "page.html", "run.prom"} {
		text, err := os.ReadFile(filepath.Join(n.dir, name))
		if err != nil {
			t.Error(err)
		} else if got := string(text); !strings.Contains(got, commit[:12]) || !strings.Contains(got, day) {
			t.Errorf("%s does not say that the program is of commit %s of %s", name, commit, day)
		}
	}
}

// TestDocumentedCommands runs commands of the documents.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	program := filepath.Dir(programtest.Build(t))
	t.Run("the README", func(t *testing.T) {
		t.Parallel()
		readmeCommands(t, program)
	})
	t.Run("the common tasks", func(t *testing.T) {
		t.Parallel()
		commonTasks(t, program)
	})
}

// readmeCommands runs every command of the README, in its order. That make has the
// targets is all that is tested of them here; what they build is tested elsewhere.
func readmeCommands(t *testing.T, program string) {
	if testing.Short() {
		t.Skip("the demo takes its time, to be watched")
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	n := newNewcomer(t, program)
	if err := os.WriteFile(filepath.Join(n.dir, "allowed.csv"), []byte("member_id\n"+stranger+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	codes := map[string]int{"imsrevoke list --not-in allowed.csv --output extra.csv": 1} // it finds shares
	lines := commands(readme(t).Text)
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "make "):
			if !strings.Contains(string(makefile), "\n"+strings.TrimPrefix(line, "make ")+":") {
				t.Errorf("the Makefile has no target for %q", line)
			}
		case strings.HasPrefix(line, "sudo "):
			n.run(strings.ReplaceAll(strings.TrimPrefix(line, "sudo "), "/usr/local/bin/", n.TempDir()), 0)
		default:
			n.run(line, codes[line])
		}
	}
	if len(lines) < 8 {
		t.Errorf("the README has the commands %q", lines)
	}
	if left := n.left(); left != 0 { // what the four lines are for
		t.Errorf("%d shares are left", left)
	}
	if lines := strings.Count(readme(t).Text, "\n"); lines > 200 {
		t.Errorf("the README has %d lines: move some of it to a topic", lines)
	}
	for _, target := range []string{"docs", "demo", "test", "check"} {
		if !slices.ContainsFunc(strings.Split(string(makefile), "\n"), func(line string) bool { return strings.HasPrefix(line, target+":") }) {
			t.Errorf("the Makefile has no target %s", target)
		}
	}
}

// left counts the shares of pairs.csv that are there.
func (n *newcomer) left() (left int) {
	for line := range strings.Lines(string(samples.Pairs)) {
		if ids := strings.Split(strings.TrimSpace(line), ","); n.cloud.Shared(ids[0], ids[1]) {
			left++
		}
	}
	return left
}

// commonTasks does what troubleshooting says of the common tasks: a dry run, a run,
// a resumed one, an audit, the way back.
func commonTasks(t *testing.T, program string) {
	n := newNewcomer(t, program)
	before := n.left()
	var lines []string
	for _, line := range commands(topic(t, "troubleshooting").Section("Common tasks")) {
		line = strings.ReplaceAll(line, "d164b5df-1bc3-4c3f-893e-3e471fd16e64", strings.Split(string(samples.Pairs), "\n")[1][:36])
		n.run(line, 0)
		lines = append(lines, line)
		if strings.HasPrefix(line, "imsrevoke check") && n.left() != 0 {
			t.Errorf("%d shares are left after %q", n.left(), lines)
		}
	}
	if n.left() == 0 || len(lines) < 8 {
		t.Errorf("%d of %d shares are there after %q", n.left(), before, lines)
	}
}
