//go:build !windows

package crash

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
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

var kills = flag.Int("kills", 10, "how many times TestCrash kills a run; a restore a quarter as often")

// TestCrash kills the program itself, a real process against a simulated cloud
// with faults, and has it go on, until it ends by itself. Whatever the moment:
// nothing is lost, nothing settled is sent again, and nothing is called better
// than it is.
func TestCrash(t *testing.T) {
	t.Parallel()
	program := programtest.Build(t)
	t.Run("killed at random moments", func(t *testing.T) {
		t.Parallel()
		f := figures{kills: make(map[string]int), faults: make(map[string]int)}
		for seed := uint64(1); f.total() < *kills && !t.Failed(); seed++ {
			t.Run(fmt.Sprint("scene ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 0))
				s := newScene(t, program, rng, setting{clean: seed%3 == 2, longReport: seed%2 == 1, olderReport: seed%4 < 2})
				s.crash(&f)
			})
		}
		t.Log(f)
	})
	t.Run("a restore, killed at random moments", func(t *testing.T) {
		t.Parallel()
		crashRestores(t, program)
	})
	t.Run("a second SIGINT stops at once", func(t *testing.T) {
		t.Parallel()
		s := newHangingScene(t, program)
		v := s.start()
		v.Until(s.somethingHangs)
		// Two signals of which none was taken yet are one: it takes two of them
		// at least.
		for v.Running() {
			v.Signal(syscall.SIGINT)
			v.Live(20 * time.Millisecond)
		}
		if code, by := v.Wait(); code != 130 {
			t.Errorf("exit code %d, signal %v; want 130", code, by)
		}
		s.goesOn()
	})
	t.Run("SIGKILL while a SIGTERM waits for answers", func(t *testing.T) {
		t.Parallel()
		s := newHangingScene(t, program)
		v := s.start()
		v.Until(s.somethingHangs)
		v.Signal(syscall.SIGTERM)
		v.Live(20 * time.Millisecond)
		v.Signal(syscall.SIGKILL)
		if _, by := v.Wait(); by != syscall.SIGKILL {
			t.Errorf("ended by %v before the answers came", by)
		}
		s.goesOn()
	})
}

// A moment is when a program is killed: it waits for the moment, at most until
// the program ends.
type moment struct {
	name string
	wait func(s *scene, v *programtest.Process)
}

var moments = []moment{
	{"at the start", func(s *scene, v *programtest.Process) { s.live(v, 60*time.Millisecond) }},
	{"as its run is entered in the journal", func(s *scene, v *programtest.Process) {
		was := size(s.journal)
		v.Until(func() bool { return size(s.journal) != was })
		s.live(v, 4*time.Millisecond)
	}},
	{"in its plan, or just behind it", func(s *scene, v *programtest.Process) {
		was := size(s.journal)
		v.Until(func() bool { return size(s.journal) != was })
	}},
	{"in mid-work", func(s *scene, v *programtest.Process) {
		enough := s.requests.Load() + 1 + s.rng.Int64N(int64(s.left()+1))
		v.Until(func() bool { return s.requests.Load() >= enough })
		s.live(v, 4*time.Millisecond)
	}},
	{"at some time", func(s *scene, v *programtest.Process) { s.live(v, time.Second) }},
	{"after SIGTERM", func(s *scene, v *programtest.Process) {
		enough := s.requests.Load() + 1 + s.rng.Int64N(int64(s.left()+1))
		v.Until(func() bool { return s.requests.Load() >= enough })
		v.Signal(syscall.SIGTERM)
		s.live(v, 8*time.Millisecond)
	}},
	{"as it writes the report", func(s *scene, v *programtest.Process) {
		was := len(s.pending())
		v.Until(func() bool { return len(s.pending()) > was })
		s.live(v, 150*time.Millisecond)
	}},
}

// live lets the program live for some time below most.
func (s *scene) live(v *programtest.Process, most time.Duration) {
	v.Live(time.Duration(s.rng.Int64N(int64(most))))
}

// size is the size of a file, -1 when there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// pending are the files in which reports are, or were, being written.
func (s *scene) pending() []string {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(s.report), ".*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// crash kills the program some times, each time it has gone on, and then lets
// it come to its end.
func (s *scene) crash(f *figures) {
	order := s.rng.Perm(len(moments))
	const most = 12 // in one scene
	for n := 0; ; n++ {
		from := len(s.cloud.Requests())
		resumes := s.now.runs > 0
		v := s.start()
		m := moments[order[n%len(order)]]
		if n < most && f.total() < *kills {
			m.wait(s, v)
			v.Signal(syscall.SIGKILL)
		}
		code, by := v.Wait()
		s.quiet()
		if by == syscall.SIGKILL {
			s.tear(from)
		}
		s.judge(from)
		if s.t.Failed() {
			s.t.Fatalf("killed %s, exit code %d, signal %v, resumed %t\n%s", m.name, code, by, resumes, v.Output.String())
		}
		if resumes {
			f.resumes++
		}
		switch {
		case by == syscall.SIGKILL:
			f.kill(m.name, resumes)
			continue
		case by == syscall.SIGTERM, code == 143: // before and after it could be held up
			continue
		case code != 0 && code != 1:
			s.t.Fatalf("exit code %d\n%s", code, v.Output.String())
		case (code == 0) != s.settled():
			s.t.Errorf("exit code %d, and all rows settled: %t", code, s.settled())
		}
		break
	}
	f.add(s)
}

// newHangingScene is a scene with a cloud that soon leaves requests without an
// answer, half of them done.
func newHangingScene(t *testing.T, program string) *scene {
	t.Helper()
	s := newScene(t, program, rand.New(rand.NewPCG(1, 1)), setting{olderReport: true})
	s.cloud.SetFaults(func(r imagetest.Request) imagetest.Fault {
		const answered = 30
		if r.MemberID == "" || s.requests.Add(1) <= answered {
			return imagetest.Fault{}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hung[r.MemberID] = true
		return imagetest.Fault{Delay: imagetest.Forever, Apply: r.MemberID[len(r.MemberID)-1]%2 == 0}
	})
	return s
}

func (s *scene) somethingHangs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.hung) == workers
}

// goesOn judges what a program has left behind that was stopped while requests
// hung. It has it go on in a cloud that does nothing more for those that hung,
// so that nothing can tell whether they were done, and then in one that does.
func (s *scene) goesOn() {
	s.t.Helper()
	older := s.older
	s.judge(0)
	if s.now.ended || !bytes.Equal(s.older, older) {
		s.t.Errorf("the run has ended by itself: %t; report:\n%s", s.now.ended, s.older)
	}
	unavailable := func(r imagetest.Request) imagetest.Fault {
		if !s.hung[r.MemberID] {
			return imagetest.Fault{}
		}
		return imagetest.Status(503)
	}
	for _, faults := range []imagetest.Policy{unavailable, nil} {
		from := len(s.cloud.Requests())
		s.cloud.SetFaults(faults)
		v := s.start()
		code, _ := v.Wait()
		s.judge(from)
		if code != 1 || !s.now.ended || s.settled() {
			s.t.Errorf("exit code %d, ended %t, all rows settled: %t; want 1 for the rows that cannot be settled\n%s", code, s.now.ended, s.settled(), v.Output.String())
		}
	}
}

// figures are what came together in all scenes.
type figures struct {
	kills                 map[string]int // by moment
	faults                map[string]int
	scenes, resumes, rows int
	requests, applied     int
	torn                  torn
}

// torn counts the journals that were left torn: in their plan, or in the line of a
// result.
type torn struct{ plan, line int }

func (f *figures) total() (n int) {
	for _, kills := range f.kills {
		n += kills
	}
	return n
}

func (f *figures) kill(moment string, resumed bool) {
	if resumed {
		moment += ", of a resume"
	}
	f.kills[moment]++
}

func (f *figures) add(s *scene) {
	f.scenes++
	f.rows += len(s.rows)
	f.requests += s.cloud.Stats().Requests
	f.applied += s.cloud.Stats().MembersRemoved
	f.torn.plan += s.torn.plan
	f.torn.line += s.torn.line
	for fault, n := range s.faults {
		f.faults[fault] += n
	}
}

func (f figures) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d kills in %d scenes, %d resumes; %d rows; %d requests, %d shares revoked; %d journals torn in the plan, %d in a line",
		f.total(), f.scenes, f.resumes, f.rows, f.requests, f.applied, f.torn.plan, f.torn.line)
	for _, counts := range []map[string]int{f.kills, f.faults} {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "\n%6d %s", counts[name], name)
		}
	}
	return b.String()
}
