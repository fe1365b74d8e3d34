//go:build !windows

package samples_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/samples"
)

// program is the program, built as a static one.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "samples-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "imsrevoke")
		build := exec.Command("go", "build", "-trimpath", "-o", program, "imsrevoke/cmd/imsrevoke")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does, and make image
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// A site is a machine on which a scheduled job runs, in a folder, with a cloud
// in which the shares of pairs.csv are.
type site struct {
	*testing.T
	cloud *imagetest.Cloud
	root  string
	pairs [][]string
	// clouds is the text of a clouds.yaml with the cloud "prod".
	clouds string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, cloud: imagetest.NewCloud(), root: t.TempDir()}
	rows, err := csv.NewReader(strings.NewReader(string(samples.Pairs))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		s.pairs = append(s.pairs, row[:2])
		s.cloud.Share(row[0], row[1])
	}
	server := imagetest.NewServer(s.cloud)
	t.Cleanup(server.Close)
	s.clouds = fmt.Sprintf("clouds: {prod: {auth: {auth_url: %q, username: %q, password: %q, user_domain_name: %q, project_name: %q, project_domain_name: %q}}}\n",
		server.AuthURL, imagetest.UserName, imagetest.Password, imagetest.DomainName, imagetest.ProjectName, imagetest.DomainName)
	return s
}

// left is how many of the shares are left.
func (s *site) left() (n int) {
	for _, p := range s.pairs {
		if s.cloud.Shared(p[0], p[1]) {
			n++
		}
	}
	return n
}

// put writes a file of the site, in folders that it makes.
func (s *site) put(path, text string) {
	s.Helper()
	path = filepath.Join(s.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // some are programs
		s.Fatal(err)
	}
}

// A job is a command that the site's machine runs by itself: without a
// terminal, and with nothing in its environment but this.
type job struct {
	words       []string
	environment []string
	folder      string
	stdin       string
}

// command is the job with what it prints.
func (s *site) command(j job) (*exec.Cmd, *strings.Builder) {
	output := &strings.Builder{}
	cmd := exec.Command(j.words[0], j.words[1:]...)
	cmd.Env = j.environment
	cmd.Dir = filepath.Join(s.root, j.folder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(j.stdin), output, output
	return cmd, output
}

// run runs the job, and judges its exit code.
func (s *site) run(j job, code int) (output string) {
	s.Helper()
	cmd, printed := s.command(j)
	if err := cmd.Run(); cmd.ProcessState == nil {
		s.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.Fatalf("%q ended with %d, want %d:\n%s", j.words, got, code, printed)
	}
	return printed.String()
}

// report reads the one report that matches a pattern, and judges how many rows
// it has.
func (s *site) report(pattern string, rows int) {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(s.root, pattern))
	if err != nil || len(found) != 1 {
		s.Fatalf("reports %s: %v, %v; want one", pattern, found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		s.Fatal(err)
	}
	if got := strings.Count(string(text), "\n") - 1; got != rows {
		s.Errorf("%s has %d rows, want %d", found[0], got, rows)
	}
}

// await waits until the cloud has had a request for an image.
func (s *site) await() {
	s.Helper()
	for began := time.Now(); s.cloud.Stats().Requests == 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			s.Fatal("still no request after a minute")
		}
	}
}

// inSite puts the site's own paths in the place of those of a real machine.
func (s *site) inSite(text string) string {
	return strings.NewReplacer(
		"/usr/local/bin/imsrevoke", program,
		"/usr/local/bin", filepath.Dir(program),
		"/var/lib/imsrevoke", filepath.Join(s.root, "var/lib/imsrevoke"),
		"/etc/imsrevoke", filepath.Join(s.root, "etc/imsrevoke"),
	).Replace(text)
}
