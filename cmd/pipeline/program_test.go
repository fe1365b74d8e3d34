package pipeline

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/exit"
)

// A programRun is what is left of a run of the whole program, without its
// process, against a simulated cloud on a port of the loopback interface.
type programRun struct {
	code           int
	stdout, stderr string
	report         []reportRow
}

// runProgram runs the program on the pairs, off a terminal and with the flags
// on top, as the user of the simulated cloud.
func runProgram(t *testing.T, authURL string, pairs []batch.Pair, flags ...string) programRun {
	t.Helper()
	dir := t.TempDir()
	input := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(input, pairsFile(pairs), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := imagetest.Login(authURL)
	environment["HOME"], environment["XDG_STATE_HOME"] = dir, dir
	var stdout, stderr bytes.Buffer
	c := cli.New()
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(""), &stdout, &stderr
	c.Terminal, c.Interactive = false, false
	c.Getenv = func(name string) string { return environment[name] }
	r := programRun{code: c.Run(append([]string{"run", input, "--yes"}, flags...))}
	r.stdout, r.stderr = stdout.String(), stderr.String()
	if r.code == exit.Usage {
		return r // nothing was sent
	}
	var err error
	if r.report, err = readReportRows(filepath.Join(dir, "pairs.report.csv")); err != nil {
		t.Fatalf("exit code %d, no report: %v\n%s", r.code, err, r.stderr)
	}
	checkPlainReport(t, r.report, pairs)
	return r
}

func startCloud(t *testing.T, c *imagetest.Cloud) *imagetest.Server {
	server := imagetest.NewServer(c)
	t.Cleanup(server.Close)
	return server
}

// TestPipelineProgramSettlesEveryRow is the job in real time and over real
// connections. It is not parallel, so that goroutines which it leaves behind
// are its own.
func TestPipelineProgramSettlesEveryRow(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	pairs := pairsGrid(60, 5)
	c := imagetest.NewCloud()
	shareAll(c, pairs)
	const quick = 8 // the seed: no row fails more than twice
	c.SetFaults(badDay(quick, 0))
	server := imagetest.NewServer(c)
	defer server.Close()
	r := runProgram(t, server.AuthURL, pairs, "--rate", "unlimited", "--workers", "32", "--attempts", "12")
	if r.code != exit.Settled || r.stdout != "" || r.stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
	checkClaims(t, c, r.report, pairs)
	checkUntouched(t, c, pairs)
	counts, s := countOutcomes(r.report), c.Stats()
	if counts[batch.Revoked]+counts[batch.Absent] != len(pairs) || counts[batch.Absent] == 0 {
		t.Errorf("outcomes %v", counts)
	}
	if s.MembersRemoved != len(pairs) || s.Statuses[0] == 0 || s.Statuses[500] == 0 || s.Statuses[503] == 0 || s.MaxInFlight > 32 {
		t.Errorf("the cloud counts %+v", s)
	}
	t.Logf("%d requests, statuses %v, outcomes %v", s.Requests, s.Statuses, counts)
}

// TestPipelineProgramHoldsItsRate: the clock that counts is the server's.
func TestPipelineProgramHoldsItsRate(t *testing.T) {
	t.Parallel()
	const perSecond = 100
	pairs := pairsGrid(200, 1)
	c := imagetest.NewCloud()
	shareAll(c, pairs)
	r := runProgram(t, startCloud(t, c).AuthURL, pairs, "--rate", fmt.Sprintf("%d/s", perSecond))
	if r.code != exit.Settled {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	requests := imageRequests(c)
	took := requests[len(requests)-1].Time.Sub(requests[0].Time)
	if mean := float64(len(requests)-1) / took.Seconds(); mean > 1.1*perSecond {
		t.Errorf("%.1f requests a second at a rate of %d", mean, perSecond)
	}
	t.Logf("%d requests within %v", len(requests), took)
}

// TestPipelineProgramRenewsATokenOnce: a token that ends in mid-run costs one
// new token, not one for every worker, and no row.
func TestPipelineProgramRenewsATokenOnce(t *testing.T) {
	t.Parallel()
	const every = 60
	pairs := pairsGrid(100, 4)
	c := imagetest.NewCloud()
	shareAll(c, pairs)
	var seen, ends atomic.Int64
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.MemberID != "" && seen.Add(1)%every == 0 {
			ends.Add(1)
			c.ExpireTokens()
		}
		return imagetest.Fault{}
	})
	r := runProgram(t, startCloud(t, c).AuthURL, pairs, "--rate", "unlimited")
	if r.code != exit.Settled || countOutcomes(r.report)[batch.Revoked] != len(pairs) {
		t.Errorf("exit code %d, outcomes %v: %s", r.code, countOutcomes(r.report), r.stderr)
	}
	for _, row := range r.report {
		if row.attempts != 1 {
			t.Errorf("line %d took %d attempts, and only tokens failed", row.line, row.attempts)
		}
	}
	checkUntouched(t, c, pairs)
	s := c.Stats()
	if s.Statuses[401] == 0 || ends.Load() < 5 {
		t.Errorf("tokens ended %d times, and %d requests met that", ends.Load(), s.Statuses[401])
	}
	if most := 1 + int(ends.Load()); s.TokensIssued > most {
		t.Errorf("%d tokens were issued, want at most %d", s.TokensIssued, most)
	}
	t.Logf("%d tokens for %d ends of a token and %d refused requests", s.TokensIssued, ends.Load(), s.Statuses[401])
}

// TestPipelineProgramWhenTokensCannotBeValidated: Glance says 401 to every
// token while it cannot ask Keystone. Where it has accepted tokens before, that
// is an outage, to be waited out or given up as such.
func TestPipelineProgramWhenTokensCannotBeValidated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		lasts    time.Duration
		patience string
		code     int
	}{
		{"for a while", 2 * time.Second, "10m", exit.Settled},
		{"for good", time.Hour, "2s", exit.Stopped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const before = 50
			pairs := pairsGrid(100, 2)
			c := imagetest.NewCloud()
			shareAll(c, pairs)
			var seen, until atomic.Int64
			c.SetFaults(func(r imagetest.Request) imagetest.Fault {
				if r.ImageID == "" || seen.Add(1) <= before {
					return imagetest.Fault{}
				}
				until.CompareAndSwap(0, r.Time.Add(tt.lasts).UnixNano())
				if r.Time.UnixNano() > until.Load() {
					return imagetest.Fault{}
				}
				return imagetest.Status(http.StatusUnauthorized)
			})
			r := runProgram(t, startCloud(t, c).AuthURL, pairs, "--rate", "unlimited", "--outage-patience", tt.patience)
			if r.code != tt.code {
				t.Errorf("exit code %d, want %d: %s", r.code, tt.code, r.stderr)
			}
			counts := countOutcomes(r.report)
			if counts[batch.Denied] > 0 || counts[batch.Failed] > 0 || counts[batch.Revoked] != c.Stats().MembersRemoved {
				t.Errorf("outcomes %v, and %d members were removed", counts, c.Stats().MembersRemoved)
			}
			if tt.code == exit.Settled && counts[batch.Revoked] != len(pairs) {
				t.Errorf("%d of %d revoked", counts[batch.Revoked], len(pairs))
			}
			if tt.code != exit.Settled && !strings.Contains(r.stderr, "unable to reach Keystone") {
				t.Errorf("it does not say why: %s", r.stderr)
			}
			checkUntouched(t, c, pairs)
		})
	}
}

// TestPipelineProgramStopsWhenKeystoneRefuses: no second wrong password is
// tried, the rows under way are denied, and the others are left alone.
func TestPipelineProgramStopsWhenKeystoneRefuses(t *testing.T) {
	t.Parallel()
	const lockedAt = 50
	pairs := pairsGrid(100, 2)
	c := imagetest.NewCloud()
	shareAll(c, pairs)
	var seen atomic.Int64
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.MemberID != "" && seen.Add(1) == lockedAt {
			c.AddUser(imagetest.User{Name: imagetest.UserName, Password: "changed in the meantime", ProjectID: imagetest.ProjectID, ProjectName: imagetest.ProjectName})
			c.ExpireTokens()
		}
		return imagetest.Fault{}
	})
	r := runProgram(t, startCloud(t, c).AuthURL, pairs, "--rate", "unlimited")
	counts := countOutcomes(r.report)
	if r.code != exit.Credentials || !strings.Contains(r.stderr, "credentials are refused") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if strings.Contains(r.stderr, imagetest.Password) {
		t.Error("the password is told")
	}
	if d := counts[batch.Denied]; d < 1 || d > batch.DefaultWorkers {
		t.Errorf("%d rows are denied, with %d workers", d, batch.DefaultWorkers)
	}
	if counts[batch.Revoked] < lockedAt-batch.DefaultWorkers || counts[batch.Revoked] != c.Stats().MembersRemoved ||
		counts[batch.Revoked]+counts[batch.Denied]+counts[batch.Skipped] != len(pairs) {
		t.Errorf("outcomes %v, %d shares revoked", counts, c.Stats().MembersRemoved)
	}
	logins := 0
	for _, request := range c.Requests() {
		if request.Method == "POST" && request.Target == imagetest.IdentityPath+"/auth/tokens" {
			logins++
		}
	}
	if logins != 2 {
		t.Errorf("%d logins, want the first one and one more", logins)
	}
	t.Logf("outcomes %v, %d requests", counts, c.Stats().Requests)
}

// TestPipelineProgramFollowsNoRedirect: a cloud that sends every request on to
// another place is not followed there, least of all with the token.
func TestPipelineProgramFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	pairs := pairsGrid(30, 2)
	elsewhere, c := imagetest.NewCloud(), imagetest.NewCloud()
	shareAll(elsewhere, pairs)
	shareAll(c, pairs)
	target := startCloud(t, elsewhere).URL
	for _, status := range []int{301, 302, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			c.SetFaults(func(r imagetest.Request) imagetest.Fault {
				if r.ImageID == "" {
					return imagetest.Fault{}
				}
				return imagetest.Fault{Status: status, Location: target + r.Target}
			})
			began := c.Stats().Requests
			r := runProgram(t, startCloud(t, c).AuthURL, pairs)
			if n := c.Stats().Requests - began; r.code != exit.Usage || n != 1 || !strings.Contains(r.stderr, "it redirects to "+target+"; set --endpoint") {
				t.Errorf("exit code %d after %d requests: %s", r.code, n, r.stderr)
			}
		})
	}
	if got := elsewhere.Requests(); len(got) != 0 {
		t.Errorf("%d requests went where the redirect leads, the first %s %s", len(got), got[0].Method, got[0].Target)
	}
	if n := c.Stats().MembersRemoved; n != 0 {
		t.Errorf("%d shares were revoked", n)
	}
}

// TestPipelineProgramWaitsOutAHang: a server that takes requests and answers
// none costs the attempts of each row, each as long as it may take.
func TestPipelineProgramWaitsOutAHang(t *testing.T) {
	t.Parallel()
	pairs := pairsGrid(3, 2)
	c := imagetest.NewCloud()
	shareAll(c, pairs)
	c.SetFaults(imagetest.Always(imagetest.Hang()))
	began := time.Now()
	// The time of an attempt is enough for it to arrive on a machine that is
	// busy. That may take long enough for an outage, which is not to be waited out.
	r := runProgram(t, startCloud(t, c).AuthURL, pairs, "--rate", "unlimited", "--attempts", "1", "--attempt-timeout", "500ms", "--outage-patience", "0")
	if r.code != exit.Unsettled || countOutcomes(r.report)[batch.Unknown] != len(pairs) {
		t.Errorf("exit code %d, outcomes %v: %s", r.code, countOutcomes(r.report), r.stderr)
	}
	checkClaims(t, c, r.report, pairs)
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("the run was over after %v", took)
	}
}
