//go:build !windows

package crash

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
)

// crashRestores revokes shares and restores them, in a cloud with faults and
// with a program that is killed on the way. Whatever the moment: nobody is a
// member whose share the run's report does not call revoked, and in the end all
// of those are.
func crashRestores(t *testing.T, program string) {
	killed, scenes := 0, 0
	for ; killed < max(2, *kills/4) && !t.Failed(); scenes++ {
		t.Run(fmt.Sprint("scene ", scenes+1), func(t *testing.T) {
			u := newUndoing(t, program, rand.New(rand.NewPCG(uint64(scenes), 1)))
			killed += u.crash(4)
			u.end()
		})
	}
	t.Logf("%d kills of restores in %d scenes", killed, scenes)
}

// An undoing is a run that has revoked shares, and what is about to bring them
// back.
type undoing struct {
	t       *testing.T
	program string
	rng     *rand.Rand
	cloud   *imagetest.Cloud
	server  *imagetest.Server
	dir     string

	// revoked are the shares that the run's report calls so, in its order.
	revoked [][2]string
	now     journalled // of the restore, after the last end of the program
}

// newUndoing has a run revoke what a file names: shares of which some come to
// be called absent, since the answer was lost, and one that there never was.
func newUndoing(t *testing.T, program string, rng *rand.Rand) *undoing {
	t.Helper()
	u := &undoing{t: t, program: program, rng: rng, cloud: imagetest.NewCloud(), dir: t.TempDir()}
	u.server = imagetest.NewServer(u.cloud)
	t.Cleanup(u.server.Close)
	rows := "image_id,member_id\n"
	for i := range 8 {
		u.cloud.Share(imageID(i), bystander)
		for m := range 10 {
			u.cloud.Share(imageID(i), memberID(m))
			rows += imageID(i) + "," + memberID(m) + "\n"
		}
		rows += imageID(i) + "," + memberID(1000) + "\n"
	}
	if err := os.WriteFile(u.path("pairs.csv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	u.cloud.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.MemberID == memberID(3) && r.Attempt == 1 {
			return imagetest.CutAfter()
		}
		return imagetest.Fault{}
	})
	v := u.start("run", "pairs.csv", "3")
	if code, by := v.Wait(); code != 0 || by != 0 {
		t.Fatalf("exit code %d, signal %v\n%s", code, by, v.Output.String())
	}
	for _, cells := range u.report("pairs.report.csv") {
		if cells[3] == "revoked" {
			u.revoked = append(u.revoked, [2]string{cells[1], cells[2]})
		}
	}
	if len(u.revoked) != 8*9 {
		t.Fatalf("%d shares are called revoked", len(u.revoked))
	}
	return u
}

func (u *undoing) path(name string) string { return filepath.Join(u.dir, name) }

func (u *undoing) start(verb, file, attempts string) *programtest.Process {
	u.t.Helper()
	return programtest.Start(u.t, u.program, programtest.Variables(imagetest.Login(u.server.AuthURL)),
		verb, u.path(file), "--resume", "--yes", "--lock", u.path("lock"), "--rate", "200/s", "--workers", "4", "--max-failures", "none",
		"--attempts", attempts)
}

// report reads a report without the code that wrote it.
func (u *undoing) report(name string) [][]string {
	u.t.Helper()
	text, err := os.ReadFile(u.path(name))
	if err != nil {
		u.t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		u.t.Fatal(err)
	}
	return rows[1:]
}

// crash kills a restore at random moments, as often as that, and has it go on each
// time, the last time to its end. It returns how often it has killed it.
func (u *undoing) crash(most int) (killed int) {
	u.t.Helper()
	u.cloud.SetFaults(imagetest.Mix(u.rng.Uint64(),
		imagetest.Chance{P: 0.07, Fault: imagetest.Status(http.StatusServiceUnavailable)},
		imagetest.Chance{P: 0.05, Fault: imagetest.StatusAfter(http.StatusBadGateway)},
		imagetest.Chance{P: 0.1, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: 0.05, Fault: imagetest.CutBefore()},
		imagetest.Chance{P: 0.02, Fault: imagetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "0"}}))
	for {
		from := len(u.cloud.Requests())
		enough := u.cloud.Stats().Requests + 1 + u.rng.IntN(len(u.revoked)/2)
		v := u.start("restore", "pairs.report.csv", fmt.Sprint(1+u.rng.IntN(3)))
		if killed < most {
			v.Until(func() bool { return u.cloud.Stats().Requests >= enough })
			v.Live(time.Duration(u.rng.Int64N(int64(8 * time.Millisecond))))
			v.Signal(syscall.SIGKILL)
		}
		code, by := v.Wait()
		u.judge(from)
		switch {
		case by == syscall.SIGKILL:
			killed++
			continue
		case code != 0 && code != 1 || !u.now.ended:
			u.t.Errorf("exit code %d, ended by itself: %t\n%s", code, u.now.ended, v.Output.String())
		}
		return killed
	}
}

// judge holds that a restore, now that it has ended, has sent nothing but what
// was left to restore, and has called nothing restored that is not.
func (u *undoing) judge(from int) {
	u.t.Helper()
	before := u.now
	u.now = readJournal(u.t, u.path("pairs.report.restore.csv.journal"))
	if before.runs > 0 && !bytes.HasPrefix(u.now.text, before.text) {
		u.t.Error("the journal has lost lines")
	}
	for seq, r := range u.now.rows {
		pair := u.revoked[seq]
		shared := u.cloud.Shared(pair[0], pair[1])
		if r.settled() && !shared || r.outcome == "failed" && shared && u.now.ended {
			u.t.Errorf("%v is called %s; shared: %t", pair, r.outcome, shared)
		}
	}
	for _, r := range u.cloud.Requests()[from:] {
		if r.MemberID == "" {
			continue
		}
		seq := slices.Index(u.revoked, [2]string{r.ImageID, r.MemberID})
		switch {
		case seq < 0 || r.Method != http.MethodPost:
			u.t.Errorf("%s %s for %s is not what the report names", r.Method, r.Target, r.MemberID)
		case before.rows[seq].settled():
			u.t.Errorf("row %d was %s, and was sent again", seq, before.rows[seq].outcome)
		case seq > u.now.sent:
			u.t.Errorf("row %d was sent, and the journal has announced rows up to %d", seq, u.now.sent)
		}
	}
}

// end lets the restore come to its end, without faults, and holds what there is
// now to what the reports say.
func (u *undoing) end() {
	u.t.Helper()
	u.cloud.SetFaults(nil)
	from := len(u.cloud.Requests())
	v := u.start("restore", "pairs.report.csv", fmt.Sprint(1+u.rng.IntN(3)))
	if code, by := v.Wait(); code != 0 || by != 0 {
		u.t.Fatalf("exit code %d, signal %v\n%s", code, by, v.Output.String())
	}
	u.judge(from)
	u.server.Close()
	want := make(map[string][]string)
	for _, id := range u.cloud.Images() {
		want[id] = []string{bystander}
	}
	said200 := make(map[[2]string]bool)
	for _, r := range u.cloud.Requests() {
		if r.Method == http.MethodPost && r.Status == http.StatusOK && r.Applied {
			said200[[2]string{r.ImageID, r.MemberID}] = true
		}
	}
	rows := u.report("pairs.report.restore.csv")
	if len(rows) != len(u.revoked) {
		u.t.Fatalf("the report has %d rows for %d shares", len(rows), len(u.revoked))
	}
	for i, pair := range u.revoked {
		want[pair[0]] = append(want[pair[0]], pair[1])
		cells := rows[i]
		if cells[1] != pair[0] || cells[2] != pair[1] || cells[3] != "present" && (cells[3] != "restored" || !said200[pair]) {
			u.t.Errorf("row %d of the report is %q, for %v; answered 200: %t", i, cells, pair, said200[pair])
		}
	}
	for id, members := range want {
		slices.Sort(members)
		got := slices.Sorted(slices.Values(u.cloud.Members(id)))
		if !slices.Equal(got, members) {
			u.t.Errorf("image %s has the members %s; want %s", id, strings.Join(got, " "), strings.Join(members, " "))
		}
	}
	if n := u.cloud.Stats().ImagesDeleted; n > 0 {
		u.t.Errorf("%d images were deleted", n)
	}
}
