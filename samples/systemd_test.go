//go:build !windows

package samples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/samples"
)

// TestUnitsAreUnderstood asks systemd what it makes of the units.
func TestUnitsAreUnderstood(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no systemd-analyze")
	}
	units, err := filepath.Glob("systemd/*")
	if err != nil || len(units) == 0 {
		t.Fatalf("units %v: %v", units, err)
	}
	out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	// What it does not understand it ignores with a line, and it has lines for
	// other units of this machine.
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "imsrevoke") {
			t.Error(line)
		}
	}
}

// TestService runs what the service does, as systemd would.
func TestService(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("etc/imsrevoke/clouds.yaml", s.clouds)
	s.put("etc/imsrevoke/environment", "IMSREVOKE_RATE=unlimited\n")
	s.put("var/lib/imsrevoke/pairs.csv", string(samples.Pairs))
	u := readUnit(t, "systemd/imsrevoke.service")
	if printed := s.run(s.service(u), 0); printed != "" {
		t.Errorf("it prints %q", printed)
	}
	s.report("var/lib/imsrevoke/report-2*.csv", len(s.pairs))
	if n := s.left(); n != 0 {
		t.Errorf("%d shares are left", n)
	}
	if locks, err := filepath.Glob(filepath.Join(s.root, "var/lib/imsrevoke/imsrevoke/*.lock")); err != nil || len(locks) != 1 {
		t.Errorf("locks %v: %v", locks, err)
	}
	for _, unit := range []string{u.one(t, "OnFailure"), "imsrevoke.timer"} {
		if _, err := os.Stat(filepath.Join("systemd", unit)); err != nil {
			t.Error(err)
		}
	}
	if file := u.one(t, "ConditionPathExists"); s.inSite(file) != filepath.Join(s.root, "var/lib/imsrevoke/pairs.csv") {
		t.Errorf("it waits for %s", file)
	}
}

// TestServiceIsStopped: the signal that stops the service reaches the program,
// which takes no longer than the unit allows.
func TestServiceIsStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("etc/imsrevoke/clouds.yaml", s.clouds)
	s.put("var/lib/imsrevoke/pairs.csv", string(samples.Pairs))
	s.cloud.SetFaults(imagetest.Always(imagetest.Delay(300 * time.Millisecond)))
	u := readUnit(t, "systemd/imsrevoke.service")
	cmd, printed := s.command(s.service(u))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.await()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("it ended with %d:\n%s", code, printed)
	}
	s.report("var/lib/imsrevoke/report-2*.csv", len(s.pairs))

	stop, err := time.ParseDuration(strings.TrimSuffix(u.one(t, "TimeoutStopSec"), "in"))
	if least := leastStop(t, u.one(t, "ExecStart")); err != nil || stop < least {
		t.Errorf("TimeoutStopSec is %v, %v; want %v or more", stop, err, least)
	}
}

// leastStop is how much time a command line needs to stop: for the requests in
// flight, two pings, and a long report.
func leastStop(t *testing.T, commandLine string) time.Duration {
	t.Helper()
	const pings, report = 20 * time.Second, 5 * time.Second
	return flagDuration(t, "drain", commandLine) + pings + report
}

// flagDuration is the value of a flag that has to be there.
func flagDuration(t *testing.T, name, commandLine string) time.Duration {
	t.Helper()
	flag := regexp.MustCompile(`--` + name + `[= ](\S+)`).FindStringSubmatch(commandLine)
	if flag == nil {
		t.Fatalf("there is no --%s in %s", name, commandLine)
	}
	d, err := time.ParseDuration(flag[1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFailureIsTold runs what the unit for failures does, with a mail that
// leaves its letter in a file.
func TestFailureIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("bin/systemctl", "#!/bin/sh\necho \"asked for $*\"\n")
	s.put("bin/mail", "#!/bin/sh\n{ echo \"$@\"; cat; } >letter\n")
	s.put("bin/hostname", "#!/bin/sh\necho here\n")
	j := s.service(readUnit(t, "systemd/imsrevoke-failed.service"))
	j.environment = append(j.environment, "PATH="+filepath.Join(s.root, "bin")+":/bin:/usr/bin")
	s.run(j, 0)
	letter, err := os.ReadFile(filepath.Join(s.root, "letter"))
	if want := "-s imsrevoke has failed on here root\nasked for status --no-pager --full imsrevoke.service\n"; err != nil || string(letter) != want {
		t.Errorf("the letter is %q, %v; want %q", letter, err, want)
	}
}

// service is the command of a service, with what systemd puts around it.
func (s *site) service(u unit) job {
	s.Helper()
	j := job{folder: strings.TrimPrefix(s.inSite(u["WorkingDirectory"]), s.root)}
	credentials := filepath.Join(s.root, "credentials")
	specifiers := strings.NewReplacer("%%", "%", "%d", credentials, "$$", "$")
	for _, word := range u.words(s.T, "ExecStart") {
		j.words = append(j.words, s.inSite(specifiers.Replace(word)))
	}
	for _, word := range u.words(s.T, "Environment") {
		j.environment = append(j.environment, specifiers.Replace(word))
	}
	if u["StateDirectory"] != "" {
		j.environment = append(j.environment, "STATE_DIRECTORY="+s.inSite("/var/lib/"+u["StateDirectory"]))
	}
	if id, path, found := strings.Cut(u["LoadCredential"], ":"); found {
		text, err := os.ReadFile(s.inSite(path))
		if err != nil {
			s.Fatal(err)
		}
		s.put("credentials/"+id, string(text))
		j.environment = append(j.environment, "CREDENTIALS_DIRECTORY="+credentials)
	}
	if path, optional := strings.CutPrefix(u["EnvironmentFile"], "-"); path != "" {
		text, err := os.ReadFile(s.inSite(path))
		if err != nil && !optional {
			s.Fatal(err)
		}
		j.environment = append(j.environment, strings.Fields(string(text))...)
	}
	return j
}

// A unit holds the last value of each key of a unit, whatever its section.
type unit map[string]string

func readUnit(t *testing.T, path string) unit {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u := make(unit)
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found && key[0] != '#' {
			u[key] = value
		}
	}
	return u
}

// one is the value of a key that must be there.
func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if u[key] == "" {
		t.Errorf("there is no %s", key)
	}
	return u[key]
}

// words are those of a value, in which quotes hold words together.
func (u unit) words(t *testing.T, key string) []string {
	t.Helper()
	var words []string
	rest := u[key]
	for {
		rest = strings.TrimLeft(rest, " ")
		if rest == "" {
			return words
		}
		end := " "
		if quote := rest[:1]; quote == `"` || quote == "'" {
			end, rest = quote, rest[1:]
		}
		word, more, closed := strings.Cut(rest, end)
		if end != " " && !closed {
			t.Fatalf("%s: a quote without an end: %s", key, u[key])
		}
		words, rest = append(words, word), more
	}
}
