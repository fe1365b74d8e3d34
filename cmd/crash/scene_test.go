//go:build !windows

package crash

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
)

// A scene is an input and the cloud that it is for, as the scene of one or more
// crashes.
type scene struct {
	t       *testing.T
	program string
	rng     *rand.Rand

	input, report, journal string
	rows                   []row
	byPair                 map[[2]string]int // the number of the row that is to be sent

	cloud    *imagetest.Cloud
	server   *httptest.Server
	open     atomic.Int64 // connections to the server
	requests atomic.Int64 // for members, so far

	mu     sync.Mutex
	faults map[string]int  // met so far
	hung   map[string]bool // members whose request was left without an answer

	now   journalled // after the last end of the program
	torn  torn
	older []byte // the report then, nil for none
}

// A row is a data row of the input.
type row struct {
	image, member string
	// fate is the only outcome that the row can have, empty for one that
	// depends on what happens.
	fate string
}

const (
	bystander = "bystander-project"
	workers   = 6
)

// A setting says what is special about a scene.
type setting struct {
	clean       bool // every row can be settled
	longReport  bool // so many rows that a report takes its time
	olderReport bool // there is a report of earlier times
}

// newScene builds a scene: images with members, some of them absent already, an
// image that does not exist, one of somebody else, rows that are no pair and
// rows that repeat others.
func newScene(t *testing.T, program string, rng *rand.Rand, set setting) *scene {
	t.Helper()
	dir := t.TempDir()
	s := &scene{
		t: t, program: program, rng: rng,
		input: filepath.Join(dir, "pairs.csv"), report: filepath.Join(dir, "pairs.report.csv"),
		byPair: make(map[[2]string]int), cloud: imagetest.NewCloud(),
		faults: make(map[string]int), hung: make(map[string]bool),
	}
	s.journal = s.report + ".journal"
	s.addRows(set)
	s.writeInput()
	if set.olderReport {
		s.older = []byte("line,image_id,member_id,outcome,http_status\n2,,,revoked,204\n")
		if err := os.WriteFile(s.report, s.older, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.now = readJournal(t, s.journal)
	s.server = httptest.NewUnstartedServer(s.cloud)
	s.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	s.server.Start()
	t.Cleanup(s.server.Close)
	s.cloud.SetFaults(s.mixedFaults(rng.Uint64()))
	return s
}

func (s *scene) addRows(set setting) {
	const images, members = 15, 8
	missing, foreign := imageID(900), imageID(901)
	s.cloud.AddImage(imagetest.Image{ID: foreign, Owner: "another-project", Visibility: imagetest.Public})
	s.cloud.Share(foreign, bystander)
	for i := range images {
		s.cloud.Share(imageID(i), bystander)
		for range members {
			r := row{image: imageID(i), member: memberID(len(s.rows))}
			if s.rng.IntN(12) > 0 {
				s.cloud.Share(r.image, r.member)
			} else {
				r.fate = "absent"
			}
			s.rows = append(s.rows, r)
		}
	}
	if !set.clean {
		s.rows = append(s.rows,
			row{missing, "member-a", "not_found"}, row{missing, "member-b", "not_found"},
			row{foreign, "member-a", "denied"}, row{foreign, "member-b", "denied"},
			row{imageID(1), "..", "invalid"}, row{"", "member-a", "invalid"})
	}
	s.rng.Shuffle(len(s.rows), func(i, k int) { s.rows[i], s.rows[k] = s.rows[k], s.rows[i] })
	for i, r := range s.rows {
		if r.fate != "invalid" {
			s.byPair[[2]string{r.image, r.member}] = i
		}
	}
	repeats := 5
	if set.longReport {
		repeats = 30_000
	}
	for range repeats {
		if r := s.rows[s.rng.IntN(min(len(s.rows), images*members))]; r.fate != "invalid" {
			s.rows = append(s.rows, row{r.image, r.member, "duplicate"})
		}
	}
}

func memberID(i int) string { return fmt.Sprintf("%031xf", i) }

func imageID(i int) string { return fmt.Sprintf("%08d-1bc3-4c3f-893e-3e471fd16e64", i) }

func (s *scene) writeInput() {
	var text strings.Builder
	w := csv.NewWriter(&text)
	for i, r := range append([]row{{image: "image_id", member: "member_id"}}, s.rows...) {
		if err := w.Write([]string{r.image, r.member, "ticket " + strconv.Itoa(i)}); err != nil {
			s.t.Fatal(err)
		}
	}
	w.Flush()
	if err := os.WriteFile(s.input, []byte(text.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// mixedFaults is a cloud with bad moments, that answers after a while. Half of
// its answers come some time after what they tell of.
func (s *scene) mixedFaults(seed uint64) imagetest.Policy {
	mix := imagetest.Mix(seed,
		imagetest.Chance{P: 0.07, Fault: imagetest.Status(503)},
		imagetest.Chance{P: 0.05, Fault: imagetest.Status(500)},
		imagetest.Chance{P: 0.05, Fault: imagetest.StatusAfter(500)},
		imagetest.Chance{P: 0.03, Fault: imagetest.StatusAfter(502)},
		imagetest.Chance{P: 0.05, Fault: imagetest.CutBefore()},
		imagetest.Chance{P: 0.05, Fault: imagetest.CutAfter()},
	)
	return func(r imagetest.Request) imagetest.Fault {
		f := mix(r)
		if r.MemberID != "" {
			s.requests.Add(1)
		}
		if f != (imagetest.Fault{}) {
			s.mu.Lock()
			s.faults[fmt.Sprintf("status %d, cut %t, applied %t", f.Status, f.Cut, f.Apply)]++
			s.mu.Unlock()
		} else {
			f.Apply = rand.IntN(2) == 0
		}
		f.Delay = rand.N(6 * time.Millisecond)
		return f
	}
}

// start sets the program off: for the first time, or to go on.
func (s *scene) start() *programtest.Process {
	s.t.Helper()
	how := "--resume"
	if s.older != nil && s.now.text == nil {
		how = "--overwrite" // a report without a journal is not gone on with
	}
	environment := programtest.Variables(imagetest.Login(s.server.URL + imagetest.IdentityPath))
	return programtest.Start(s.t, s.program, environment, "run", s.input, how, "--yes", "--report", s.report,
		"--lock", s.input+".lock", "--rate", "unlimited", "--workers", strconv.Itoa(workers), "--attempts", "3",
		"--attempt-timeout", "10m", "--max-failures", "none")
}

// left is how many rows are still to be sent.
func (s *scene) left() int {
	n := len(s.byPair)
	for seq, r := range s.now.rows {
		if r.settled() && s.rows[seq].fate != "duplicate" {
			n--
		}
	}
	return n
}

// quiet waits until the cloud has done with all that a program has sent which
// has ended.
func (s *scene) quiet() {
	s.t.Helper()
	// Connections are taken in their order: when this one is answered, there is
	// none left that nobody has looked at.
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Get(s.server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	for waited := time.Duration(0); s.open.Load() > 0; waited += time.Millisecond {
		if waited > time.Minute {
			s.t.Fatalf("%d connections of a program that has ended are still open", s.open.Load())
		}
		time.Sleep(time.Millisecond)
	}
}
