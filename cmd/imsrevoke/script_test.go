//go:build !windows

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"imsrevoke/cmd/internal/programtest"
	"imsrevoke/samples"
)

// TestScripts runs the program itself, as users do. Besides the commands of
// testscript a script has these:
//
//	cloud [FILE]          start a simulated cloud in which the pairs of FILE, or of
//	                      pairs.csv, are shared, and log in with a password
//	huawei [AHEAD]        start one that is Huawei Cloud's, whose clock may be ahead,
//	                      for pairs.csv, and log in with an access key
//	cloud-with FILE WORD...  start one for FILE whose member lists are special: case, types,
//	                      pages=N, marker=KIND, page-2=FAULT; or whose image lists are:
//	                      limit=N, thin=END-OF-ID, loop, endless, ignore-owner, delete=N:ID,
//	                      hide=N:ID, show=N:ID, private=N:ID before the Nth page;
//	                      or that is Huawei Cloud's: huawei
//	image ID PROPERTY...  add an image there, or change it: owner=PROJECT, visibility=WORD,
//	                      hidden, name=TEXT, status=WORD
//	project ID PROPERTY...  add a project to Keystone, or change it: name=TEXT, disabled
//	keystone-lists N      let Keystone's list of projects end after N of them
//	share IMAGE MEMBER [TYPE [STATUS]]  share an image there, also with an account
//	                      (domain) or an organization, which may have answered
//	members IMAGE ID...   judge which projects are left as members of an image
//	login WAY             set the variables for other credentials
//	faults NAME [IMAGE]   let the cloud fail from now on, for all images or for one
//	exits CODE PROGRAM... run a program that ends with this exit code
//	signal INT|TERM|HUP   send a signal to the program in the background
//	insist INT|TERM       send it again and again until the program has ended
//	exited CODE           after wait: what the signalled program has ended with
//	await-login           wait until the Identity API has had a request,
//	await-requests N      until the Image API has had N
//	requests N            judge how many requests the Image API has had,
//	logins N              how many the Identity API (or IAM),
//	shares N              how many of the shares are left,
//	share-again           share what the file names once more,
//	images-deleted N      how many images are gone, and that nobody but the
//	                      members in the file has lost a share
//	mode PERM FILE        judge a file's permissions,
//	lines N FILE          how many lines it has,
//	same-rows FILE FILE   that two reports differ in nothing but times and request ids,
//	summary NAME=N...     that standard output is a summary in JSON whose counts
//	                      add up, with these numbers,
//	story SUMMARY REPORT METRICS  that these tell the same story of a resumed run, and
//	                      know its requests but for those that died with a part
//	metrics FILE NAME=N.. that a file of metrics is sound, with these numbers
//	trap KIND             start a server that is not what the program expects, at
//	                      $TRAP, with its CA in ca.pem if it has one: see trapKinds,
//	arrived N             judge how many requests it has had
//	watcher               start a service that takes pings, at $WATCHER,
//	await-pings N         wait until it has had N,
//	pings [TEXT PATH...]  judge which it has had since, and what the last one said
//	no-secrets            that no secret of the cloud is in a file or in the
//	                      output of the last command
//
// Each script finds the sample pairs.csv, forty pairs of nine images.
func TestScripts(t *testing.T) {
	t.Parallel()
	programtest.HearHangups()
	testscript.Run(t, testscript.Params{
		Dir:         filepath.Join("testdata", "script"),
		WorkdirRoot: t.TempDir(), // which is removed also when -run has chosen some scripts
		Setup: func(env *testscript.Env) error {
			// Scripts that are not about the pace have no time for it.
			env.Setenv("IMSREVOKE_RATE", "unlimited")
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state")) // for the locks
			// Under -race every program would sleep for a second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=10")
			env.Values[scriptKey{}] = &script{succeeded: make(map[string]float64)}
			return os.WriteFile(filepath.Join(env.WorkDir, "pairs.csv"), samples.Pairs, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cloud":          command(0, 1, (*script).startCloud),
			"huawei":         command(0, 1, (*script).startHuawei),
			"cloud-with":     command(2, 9, (*script).startCloudWith),
			"image":          command(1, 9, (*script).image),
			"project":        command(1, 9, (*script).project),
			"keystone-lists": command(1, 1, (*script).keystoneLists),
			"share":          command(2, 4, (*script).share),
			"members":        command(1, 9, (*script).members),
			"login":          command(1, 1, (*script).login),
			"faults":         command(1, 2, (*script).setFaults),
			"exits":          command(2, 99, (*script).exits),
			"signal":         command(1, 1, (*script).signal),
			"insist":         command(1, 1, (*script).insist),
			"exited":         command(1, 1, (*script).exited),
			"await-login":    command(0, 0, (*script).awaitLogin),
			"await-requests": command(1, 1, (*script).awaitRequests),
			"requests":       command(1, 1, (*script).requests),
			"logins":         command(1, 1, (*script).logins),
			"share-again":    command(0, 0, (*script).shareAgain),
			"shares":         command(1, 1, (*script).shares),
			"images-deleted": command(1, 1, (*script).imagesDeleted),
			"mode":           command(2, 2, (*script).mode),
			"lines":          command(2, 2, (*script).lines),
			"same-rows":      command(2, 2, (*script).sameRows),
			"no-secrets":     command(0, 0, (*script).noSecrets),
			"summary":        command(1, 99, (*script).summary),
			"trap":           command(1, 1, (*script).startTrap),
			"arrived":        command(1, 1, (*script).arrived),
			"watcher":        command(0, 0, (*script).startWatcher),
			"await-pings":    command(1, 1, (*script).awaitPings),
			"pings":          command(0, 9, (*script).pings),
			"metrics":        command(1, 99, (*script).metrics),
			"story":          command(3, 3, (*script).story),
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}

// A script is the state of a script that is being run.
type script struct {
	cloud     *scriptCloud
	signalled *exec.Cmd
	watcher   *scriptWatcher
	trap      *atomic.Int64      // counts the requests of the trap
	succeeded map[string]float64 // the last success that a file of metrics told
}

type scriptKey struct{}

// command makes a command of a method, one that takes from least to most
// arguments.
func command(least, most int, run func(*script, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("! is not understood here")
		}
		if len(args) < least || most < len(args) {
			ts.Fatalf("%d arguments, want %d to %d: see TestScripts", len(args), least, most)
		}
		run(ts.Value(scriptKey{}).(*script), ts, args)
	}
}

// number reads an argument.
func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// judge fails the script when a number is not what the script says.
func judge(ts *testscript.TestScript, what string, got int, want string) {
	if got != number(ts, want) {
		ts.Fatalf("%s: %d, want %s", what, got, want)
	}
}

func (s *script) exits(ts *testscript.TestScript, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	judge(ts, "exit code", code, args[0])
}

var signals = map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}

func (s *script) signal(ts *testscript.TestScript, args []string) {
	background := ts.BackgroundCmds()
	if len(background) != 1 || signals[args[0]] == nil {
		ts.Fatalf("there must be one program in the background, and a signal out of %v", signals)
	}
	s.signalled = background[0]
	ts.Check(s.signalled.Process.Signal(signals[args[0]]))
}

// insist sends a signal more than once: two signals of a kind that come close
// together may arrive as one.
func (s *script) insist(ts *testscript.TestScript, args []string) {
	s.signal(ts, args)
	await(ts, "end of the program", func() bool {
		err := s.signalled.Process.Signal(signals[args[0]])
		return errors.Is(err, os.ErrProcessDone)
	})
}

// await waits until something has happened.
func await(ts *testscript.TestScript, what string, happened func() bool) {
	const patience = time.Minute
	for began := time.Now(); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			ts.Fatalf("still no %s after %v", what, patience)
		}
	}
}

func (s *script) exited(ts *testscript.TestScript, args []string) {
	if s.signalled == nil || s.signalled.ProcessState == nil {
		ts.Fatalf("no program was sent a signal and waited for")
	}
	judge(ts, "exit code", s.signalled.ProcessState.ExitCode(), args[0])
}

func (s *script) mode(ts *testscript.TestScript, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has the mode %s, want %s", args[1], got, args[0])
	}
}

func (s *script) lines(ts *testscript.TestScript, args []string) {
	judge(ts, "lines of "+args[1], strings.Count(ts.ReadFile(args[1]), "\n"), args[0])
}

func (s *script) sameRows(ts *testscript.TestScript, args []string) {
	var reports [2][][]string
	for i := range reports {
		rows, err := programtest.ReadCSV(ts.MkAbs(args[i]))
		ts.Check(err)
		for _, row := range rows {
			// What differs from run to run: duration_ms, request_id, finished_at.
			row[6], row[7], row[9] = "", "", ""
		}
		reports[i] = rows
	}
	if diff := cmp.Diff(reports[0], reports[1]); diff != "" {
		ts.Fatalf("%s and %s differ:\n%s", args[0], args[1], diff)
	}
}

func (s *script) noSecrets(ts *testscript.TestScript, _ []string) {
	secrets := s.running(ts).secrets()
	look := func(name, text string) {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s holds the secret %q", name, secret)
			}
		}
	}
	look("standard output", ts.ReadFile("stdout"))
	look("standard error", ts.ReadFile("stderr"))
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		look(path, string(text))
		return err
	}))
}

func (s *script) summary(ts *testscript.TestScript, args []string) {
	var got struct {
		Rows, Settled, Requests int
		Outcomes                map[string]int
		ExitCode                int `json:"exit_code"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &got))
	sum := 0
	for _, n := range got.Outcomes {
		sum += n
	}
	if sum != got.Rows {
		ts.Fatalf("the outcomes add up to %d, of %d rows", sum, got.Rows)
	}
	numbers := map[string]int{"rows": got.Rows, "settled": got.Settled, "requests": got.Requests, "exit_code": got.ExitCode}
	maps.Copy(numbers, got.Outcomes)
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		judge(ts, name, numbers[name], want)
	}
}

func (s *script) story(ts *testscript.TestScript, args []string) {
	var told struct {
		Started    time.Time
		Finished   time.Time
		DurationMS int64 `json:"duration_ms"`
		Requests   int
		Parts      int
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &told))
	var report struct {
		Run struct {
			Started time.Time
			Parts   []struct {
				Started, Finished time.Time
				CutOff            bool `json:"cut_off"`
				Requests          int
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &report))
	parts := report.Run.Parts
	if len(parts) != told.Parts || !report.Run.Started.Equal(told.Started) || !parts[0].Started.Equal(told.Started) {
		ts.Fatalf("the summary tells of %d parts from %v on, the report of %+v", told.Parts, told.Started, parts)
	}
	requests, worked := 0, time.Duration(0)
	for i, p := range parts {
		if requests += p.Requests; p.Requests == 0 || p.CutOff != (i == 0) {
			ts.Fatalf("part %d: %+v", i, p)
		}
		worked += p.Finished.Sub(p.Started)
	}
	took := time.Duration(told.DurationMS) * time.Millisecond
	if idle := told.Finished.Sub(told.Started) - took; idle < 2*time.Second || (worked-took).Abs() > time.Second {
		ts.Fatalf("the run took %v, without a pause of %v, and its parts %v", took, idle, worked)
	}
	if requests != told.Requests {
		ts.Fatalf("the summary tells of %d requests, the report of %d", told.Requests, requests)
	}
	died := s.running(ts).Stats().Requests - requests
	if died < 0 || died > 2 { // the attempts for one row, by one worker
		ts.Fatalf("%d requests are told of, and %d more were made", requests, died)
	}
	s.metrics(ts, []string{args[2], fmt.Sprintf("requests=%d", requests)})
}
