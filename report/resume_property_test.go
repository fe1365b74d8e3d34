package report

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch"
	"imsrevoke/batch/imageapi"
	"imsrevoke/batch/imagetest"
)

// TestResumingIsAsGoodAsNotHavingStopped runs the whole engine against a
// simulated cloud, kills it time and again, and has it go on. In the end every
// row has ended as in a run that nothing has disturbed, but for those that were
// under way at a death: what they were told is lost. And what a report would
// say after any death is true, also when each run meets faults of its own.
func TestResumingIsAsGoodAsNotHavingStopped(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		rows := drawRows(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		job := &batch.Job{
			Workers:        rapid.IntRange(1, 6).Draw(rt, "workers"),
			Rate:           rapid.SampledFrom([]float64{20, batch.Unlimited}).Draw(rt, "rate"),
			Attempts:       rapid.IntRange(1, 4).Draw(rt, "attempts"),
			AttemptTimeout: time.Minute,
		}
		moody := rapid.Bool().Draw(rt, "moody")
		deaths := rapid.SliceOfN(rapid.Custom(drawDeath), 1, 4).Draw(rt, "deaths")
		var want, got []batch.Outcome
		var tried *trial
		synctest.Test(t, func(*testing.T) {
			calm := newTrial(rt, rows, job, filepath.Join(dir, fmt.Sprint(n, "-calm")))
			calm.seed = seed
			want = calm.run(nil)
			tried = newTrial(rt, rows, job, filepath.Join(dir, fmt.Sprint(n)))
			tried.seed, tried.moody = seed, moody
			for _, d := range deaths {
				tried.run(&d)
			}
			got = tried.run(nil)
		})
		if len(want) != len(rows) || len(got) != len(rows) {
			rt.Fatalf("%d and %d outcomes for %d rows", len(want), len(got), len(rows))
		}
		for seq := range rows {
			if moody {
				break // what became of the rows is up to the faults
			}
			w, g := want[seq], got[seq]
			lossy := w == batch.Revoked && g == batch.Absent || w == batch.Failed && g == batch.Unknown
			if w != g && !(lossy && tried.mayBeLost[seq]) {
				rt.Errorf("row %d is %s, and %s without a death; it may have been under way at one: %t", seq, g, w, tried.mayBeLost[seq])
			}
		}
	})
}

// drawRows draws an input: of few images, so that no refusal looks like that of
// everything, one of them unknown to the cloud.
func drawRows(rt *rapid.T) []batch.Row {
	rows := make([]batch.Row, rapid.IntRange(1, 40).Draw(rt, "rows"))
	for i := range rows {
		p := batch.Pair{ImageID: fmt.Sprintf("%s%d", image[:35], i%4), MemberID: fmt.Sprintf("%031xf", i)}
		r := batch.Row{Seq: i, Line: i + 2, ImageID: p.ImageID, MemberID: p.MemberID, Pair: p}
		switch rapid.IntRange(0, 9).Draw(rt, "kind") {
		case 0:
			r.Problem = "it is no pair"
		case 1:
			if i > 0 && rows[0].Problem == "" {
				r.FirstLine = 2
			}
		}
		rows[i] = r
	}
	return rows
}

// A death is how a process ends that does not end by itself.
type death struct {
	call  int     // of the recorder, from 1, in which the process dies
	power bool    // the machine dies with it: what was not synced may be lost
	keeps float64 // how much of what may be lost is kept, from 0 to 1
	zeros bool    // and the rest is zeros instead of nothing
}

func drawDeath(rt *rapid.T) death {
	return death{
		call:  rapid.IntRange(1, 60).Draw(rt, "call"),
		power: rapid.Bool().Draw(rt, "power"),
		keeps: rapid.Float64Range(0, 1).Draw(rt, "keeps"),
		zeros: rapid.Bool().Draw(rt, "zeros"),
	}
}

// A trial is a cloud and a journal, and the runs that share them.
type trial struct {
	rt     *rapid.T
	rows   []batch.Row
	bySeq  map[batch.Pair]int
	job    *batch.Job
	path   string
	cloud  *imagetest.Cloud
	token  string
	seed   uint64 // of the faults
	moody  bool   // each run meets other faults
	faults imagetest.Policy

	mu       sync.Mutex
	attempts map[batch.Pair]int // of this run

	settled   map[int]bool // by results that have survived
	mayBeLost map[int]bool // those that may have been under way at a death
}

func newTrial(rt *rapid.T, rows []batch.Row, job *batch.Job, path string) *trial {
	t := &trial{
		rt: rt, rows: rows, job: job, path: path, bySeq: make(map[batch.Pair]int), cloud: imagetest.NewCloud(),
		settled: make(map[int]bool), mayBeLost: make(map[int]bool),
	}
	t.token = t.cloud.IssueToken(imagetest.ProjectID, 1000*time.Hour)
	for _, r := range rows {
		if _, unsent := r.Unsent(); unsent {
			continue
		}
		t.bySeq[r.Pair] = r.Seq
		if r.Seq%4 != 3 && r.Seq%7 != 5 { // the others are of the unknown image, or absent
			t.cloud.Share(r.Pair.ImageID, r.Pair.MemberID)
		}
	}
	for i := range 3 {
		t.cloud.Share(fmt.Sprintf("%s%d", image[:35], i), "bystander")
	}
	t.cloud.SetFaults(t.fault)
	return t
}

func mixedFaults(seed uint64) imagetest.Policy {
	return imagetest.Mix(seed,
		imagetest.Chance{P: 0.20, Fault: imagetest.Status(503)},
		imagetest.Chance{P: 0.10, Fault: imagetest.Status(500)},
		imagetest.Chance{P: 0.10, Fault: imagetest.StatusAfter(500)},
		imagetest.Chance{P: 0.10, Fault: imagetest.CutBefore()},
		imagetest.Chance{P: 0.10, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: 0.05, Fault: imagetest.Status(400)},
		imagetest.Chance{P: 0.05, Fault: imagetest.Status(404)},
	)
}

// fault is the fault that a request meets: always the same one for the same
// attempt at the same pair, whichever run makes it, unless the cloud is moody.
func (t *trial) fault(r imagetest.Request) imagetest.Fault {
	pair := batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}
	t.mu.Lock()
	t.attempts[pair]++
	r.Attempt = t.attempts[pair]
	t.mu.Unlock()
	h := fnv.New32a()
	fmt.Fprint(h, pair, r.Attempt)
	var f imagetest.Fault
	if r.MemberID != "" {
		f = t.faults(r)
	}
	if f == (imagetest.Fault{}) {
		f.Apply = h.Sum32()%2 == 0 // what is done is told at once, or some time later
	}
	f.Delay = time.Duration(1+h.Sum32()%97) * time.Millisecond
	return f
}

// run starts the job or has it go on, and kills it when it is told to. It
// returns what the report says of each row.
func (t *trial) run(d *death) []batch.Outcome {
	run := Run{Input: "pairs.csv", Digest: "d1", Rows: len(t.rows), Endpoint: "http://image.test"}
	j, err := OpenJournal(t.path, run)
	if errors.Is(err, os.ErrNotExist) {
		j, err = CreateJournal(t.path, run)
	} else if err == nil {
		err = j.Continue(run)
	}
	if err != nil {
		t.rt.Errorf("%v", err)
		return nil
	}
	defer j.file.Close()
	t.attempts = make(map[batch.Pair]int)
	t.faults = mixedFaults(t.seed)
	if t.moody {
		t.seed++
	}
	from := len(t.cloud.Requests())
	life, die := context.WithCancel(context.Background())
	defer die()
	rec := &mortal{Journal: j, death: d, die: die, synced: j.size, ends: make(map[int]int64), settles: make(map[int]bool)}
	_, err = t.job.Run(context.Background(), j.Remaining(&input{rows: t.rows}), mortalAPI{t.api(), life}, rec)
	t.judgeRequests(from)
	switch {
	case rec.dead:
		t.bury(rec)
		if j, err = OpenJournal(t.path, run); err != nil {
			t.rt.Errorf("after a death: %v", err)
			return nil
		}
		defer j.file.Close()
	case err != nil:
		t.rt.Errorf("the run ended: %v", err)
	default:
		if err := j.End(Stop{}); err != nil {
			t.rt.Errorf("%v", err)
		}
	}
	return t.report(j)
}

func (t *trial) api() batch.API {
	return imageapi.New(imageapi.Config{
		Endpoint:    &url.URL{Scheme: "http", Host: "image.test"},
		Transport:   t.cloud.Transport(),
		Credentials: ready(t.token),
		ProjectID:   imagetest.ProjectID,
	})
}

// judgeRequests holds that nothing is sent that was settled.
func (t *trial) judgeRequests(from int) {
	for _, r := range t.cloud.Requests()[from:] {
		seq, ours := t.bySeq[batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}]
		if r.Method == http.MethodDelete && (!ours || t.settled[seq]) {
			t.rt.Errorf("row %d was settled, or is none, and was sent", seq)
		}
	}
}

// bury leaves of the journal what is left after a death, and notes what was
// lost by it.
func (t *trial) bury(m *mortal) {
	text, err := os.ReadFile(t.path)
	if err != nil {
		t.rt.Errorf("%v", err)
	}
	size := int64(len(text))
	cut := m.floor + int64(m.death.keeps*float64(size-m.floor))
	kept := text[:cut]
	if m.death.zeros {
		kept = append(kept, make([]byte, size-cut)...)
	}
	if err := os.WriteFile(t.path, kept, 0o600); err != nil {
		t.rt.Errorf("%v", err)
	}
	for seq := range t.rows {
		end, recorded := m.ends[seq]
		switch survived := recorded && end <= cut; {
		case survived && m.settles[seq]:
			t.settled[seq] = true
		case !survived && seq <= m.sent:
			t.mayBeLost[seq] = true
		}
	}
}

// report makes the report, and holds that no row is called better than it is.
func (t *trial) report(j *Journal) []batch.Outcome {
	c := &CSV{Input: &input{rows: t.rows}, Rows: len(t.rows), Journal: j, Rest: batch.Skipped}
	if _, err := c.Write(io.Discard); err != nil {
		t.rt.Errorf("%v", err)
	}
	applied := make(map[batch.Pair]bool)
	for _, r := range t.cloud.Requests() {
		if r.Applied {
			applied[batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}] = true
		}
	}
	var outcomes []batch.Outcome
	for _, row := range t.rows {
		r, _, err := c.result(row)
		if err != nil {
			t.rt.Errorf("%v", err)
		}
		outcomes = append(outcomes, r.Outcome)
		_, err = batch.ParseOutcome(string(r.Outcome))
		switch shared := t.cloud.Shared(row.Pair.ImageID, row.Pair.MemberID); {
		case err != nil,
			(r.Outcome == batch.Revoked || r.Outcome == batch.Absent) && shared,
			(r.Outcome == batch.Failed || r.Outcome == batch.Skipped) && applied[row.Pair]:
			t.rt.Errorf("row %d is called %q; it is shared: %t", row.Seq, r.Outcome, shared)
		}
	}
	return outcomes
}

// mortal is a journal in a process that dies in a call of it.
type mortal struct {
	*Journal
	death *death // nil for a process that lives
	die   func() // ends what the process has under way
	calls int
	dead  bool

	synced  int64         // what has reached the disk
	floor   int64         // what has surely outlived the death
	ends    map[int]int64 // where the result of a row ends
	settles map[int]bool  // rows by a result that settles them
}

var errDead = errors.New("the process is dead")

// call makes a call, during which the process may die.
func (m *mortal) call(f func() error) error {
	if m.dead {
		return errDead
	}
	m.calls++
	synced, written := m.synced, m.size
	if err := f(); err != nil || m.death == nil || m.calls < m.death.call {
		return err
	}
	m.dead, m.floor = true, written
	if m.death.power {
		m.floor = synced
	}
	m.die()
	return errDead
}

func (m *mortal) Begin(row batch.Row) error {
	return m.call(func() error {
		announced := m.sent
		err := m.Journal.Begin(row)
		if m.sent != announced {
			m.synced = m.size
		}
		return err
	})
}

func (m *mortal) Record(r batch.Result) error {
	return m.call(func() error {
		err := m.Journal.Record(r)
		m.ends[r.Row.Seq] = m.size + int64(len(m.pending))
		m.settles[r.Row.Seq] = r.Outcome.Settled()
		return err
	})
}

func (m *mortal) Flush() error { return m.call(m.Journal.Flush) }

// mortalAPI makes requests for as long as its process lives.
type mortalAPI struct {
	batch.API
	life context.Context
}

func (a mortalAPI) Remove(ctx context.Context, p batch.Pair) batch.Answer {
	if a.life.Err() != nil {
		return batch.Answer{}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(a.life, cancel)()
	return a.API.Remove(ctx, p)
}

func (a mortalAPI) Images(context.Context, batch.ImageQuery, batch.Cursor) (batch.ImagePage, batch.Answer) {
	return batch.ImagePage{}, batch.Answer{Meaning: batch.Listed, Status: 200}
}

func (a mortalAPI) Members(ctx context.Context, imageID string, from batch.Cursor) (batch.Page, batch.Answer) {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(a.life, cancel)()
	return a.API.Members(ctx, imageID, from)
}

// ready is a token that is good for ever.
type ready string

func (r ready) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", string(r))
	return 1, nil
}
func (ready) Renew(context.Context, uint64) error { return imageapi.ErrRefused }
func (ready) Accepted(uint64)                     {}
