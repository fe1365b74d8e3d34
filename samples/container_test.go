//go:build linux

package samples_test

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A recipe is what a Containerfile says.
type recipe struct {
	bases      []string
	copies     map[string]string // targets by sources
	user       string
	entrypoint []string
}

// readRecipe reads the sample. An instruction that it does not know is an error:
// whoever adds one has to say here what is to be true of it.
func readRecipe(t *testing.T) *recipe {
	t.Helper()
	text, err := os.ReadFile("container/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	r := &recipe{copies: make(map[string]string)}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
		case word == "FROM":
			r.bases = append(r.bases, rest)
		case word == "COPY":
			from, to, _ := strings.Cut(rest, " ")
			r.copies[from] = to
		case word == "USER":
			r.user = rest
		case word == "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &r.entrypoint); err != nil {
				t.Fatalf("ENTRYPOINT %s would need a shell: %v", rest, err)
			}
		default:
			t.Fatalf("%s was not expected", word)
		}
	}
	return r
}

// TestContainerfile judges what needs no builder.
func TestContainerfile(t *testing.T) {
	t.Parallel()
	r := readRecipe(t)
	if !slices.Equal(r.bases, []string{"scratch"}) {
		t.Errorf("the base images are %q, want scratch only", r.bases)
	}
	if len(r.entrypoint) != 1 || r.copies["imsrevoke"] != r.entrypoint[0] {
		t.Errorf("the entry point is %q, and the program is %s", r.entrypoint, r.copies["imsrevoke"])
	}
	if r.copies["ca-certificates.crt"] != "/etc/ssl/certs/ca-certificates.crt" { // where Go looks first
		t.Errorf("the certificates are %s", r.copies["ca-certificates.crt"])
	}
	for _, path := range []string{"kubernetes/cronjob.yaml", "kubernetes/audit-cronjob.yaml", "kubernetes/indexed-job.yaml"} {
		m := readManifest(t, path)
		pod, container := m.job.Template.Spec.SecurityContext, m.job.Template.Spec.Containers[0]
		if want := fmt.Sprintf("%d:%d", pod.RunAsUser, pod.RunAsGroup); want != r.user {
			t.Errorf("%s runs as %s, the image as %s", path, want, r.user)
		}
		// The manifests know no command, which would take the place of the entry point.
		if name, _, _ := strings.Cut(container.Image, "@"); !strings.HasSuffix(name, "/imsrevoke") {
			t.Errorf("%s runs %s", path, container.Image)
		}
	}

	// make image puts there what is copied, and names the image as the samples do.
	if _, err := exec.LookPath("make"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no make")
	}
	out, err := exec.Command("make", "-C", "..", "--dry-run", "--always-make", "image", "BUILDER=builder").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for from := range r.copies {
		if !strings.Contains(string(out), "bin/image/"+from) {
			t.Errorf("make image makes no %s:\n%s", from, out)
		}
	}
	if want := "builder build -t imsrevoke -f samples/container/Containerfile bin/image\n"; !strings.Contains(string(out), want) {
		t.Errorf("make image does not do %q:\n%s", want, out)
	}
}

// contextOf makes what the image is built of.
func contextOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Link(program, filepath.Join(dir, "imsrevoke")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca-certificates.crt"), []byte("# none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTheImageHoldsAllThatIsNeeded runs the job of the CronJob in a directory that
// has what the image has, as its user: it needs no builder, but root.
func TestTheImageHoldsAllThatIsNeeded(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	r, dir := readRecipe(t), contextOf(t)
	binary, err := elf.Open(filepath.Join(dir, "imsrevoke"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program needs %q: %v", libraries, err)
	}
	s := newSite(t)
	s.mountAll()
	for from, to := range r.copies {
		to = filepath.Join(s.root, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, from), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	var uid, gid uint32
	if _, err := fmt.Sscanf(r.user, "%d:%d", &uid, &gid); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"reports", "cloud", "cloud/clouds.yaml", "pairs", "pairs/pairs.csv"} {
		if err := os.Chown(filepath.Join(s.root, path), int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	m := readManifest(t, "kubernetes/cronjob.yaml")
	container := m.job.Template.Spec.Containers[0]
	args := slices.Clone(container.Args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(JOB)", "job")
	}
	cmd := exec.Command(r.entrypoint[0], args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	cmd.Env = []string{"IMSREVOKE_RATE=unlimited"}
	for _, v := range container.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	s.report("reports/job.csv", len(s.pairs))
	if n := s.left(); n != 0 {
		t.Errorf("%d shares are left", n)
	}
}

// TestTheImageIsBuilt builds the image and runs it, where there is a builder.
func TestTheImageIsBuilt(t *testing.T) {
	t.Parallel()
	builder := builderOf(t)
	dir := contextOf(t)
	name := fmt.Sprintf("imsrevoke-test-%d", os.Getpid())
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(builder[0], append(slices.Clone(builder[1:]), args...)...)
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v: %s%s", cmd, err, &out, &problems)
		}
		return strings.TrimSpace(out.String())
	}
	run("build", "-t", name, "-f", "container/Containerfile", dir)
	t.Cleanup(func() { run("rmi", "--force", name) })
	var said string
	if builder[0] == "buildah" {
		container := run("from", name)
		defer run("rm", container)
		said = run("run", "--isolation", "chroot", container, "--", "/imsrevoke", "version")
	} else {
		said = run("run", "--rm", "--read-only", "--network", "none", name, "version")
	}
	if !strings.HasPrefix(said, "imsrevoke ") {
		t.Errorf("it says %q", said)
	}
}

// builderOf is the command of a builder that works here.
func builderOf(t *testing.T) []string {
	t.Helper()
	for _, name := range []string{"podman", "docker"} {
		if exec.Command(name, "info").Run() == nil {
			return []string{name}
		}
	}
	if _, err := exec.LookPath("buildah"); err == nil {
		dir := t.TempDir()
		return []string{"buildah", "--storage-driver", "vfs", "--root", filepath.Join(dir, "storage"), "--runroot", filepath.Join(dir, "run")}
	}
	t.Skip("no builder works here: neither podman, nor docker with its daemon, nor buildah")
	return nil
}
