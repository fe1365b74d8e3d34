package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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
// simulated cloud, in several lives: it is killed, stopped in every way there is,
// and asked for its journal without going on. In the end every row has ended as
// in a run that nothing has disturbed, but for those that were under way at a
// death or a stop: what they were told is lost. And what a report would say
// after any life, and during it, is true, also when each run meets faults of its
// own.
func TestResumingIsAsGoodAsNotHavingStopped(t *testing.T) {
	t.Parallel()
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
		lives := rapid.SliceOfN(rapid.Custom(drawLife), 1, 6).Draw(rt, "lives")
		var want, got []batch.Outcome
		var tried *trial
		synctest.Test(t, func(*testing.T) {
			calm := newTrial(rt, rows, job, filepath.Join(dir, fmt.Sprint(n, "-calm")))
			calm.seed = seed
			want = calm.run(life{})
			tried = newTrial(rt, rows, job, filepath.Join(dir, fmt.Sprint(n)))
			tried.seed, tried.moody = seed, moody
			for _, l := range lives {
				tried.run(l)
			}
			got = tried.run(life{})
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
				rt.Errorf("row %d is %s, and %s in one life; it may have been under way at the end of another: %t", seq, g, w, tried.mayBeLost[seq])
			}
		}
	})
}

// drawRows draws an input: of few images, so that no refusal looks like that of
// everything, one of them unknown to the cloud. Some rows are no pair, repeat an
// earlier one, or are wider than what is read or written at once.
func drawRows(rt *rapid.T) []batch.Row {
	rows := make([]batch.Row, rapid.IntRange(1, 40).Draw(rt, "rows"))
	line := 1
	for i := range rows {
		line += rapid.IntRange(1, 3).Draw(rt, "lines")
		p := batch.Pair{ImageID: fmt.Sprintf("%s%d", image[:35], i%4), MemberID: fmt.Sprintf("%031xf", i)}
		r := batch.Row{Seq: i, Line: line, ImageID: p.ImageID, MemberID: p.MemberID, Pair: p}
		switch rapid.IntRange(0, 9).Draw(rt, "kind") {
		case 0:
			r.Problem, r.Pair = "it is no pair", batch.Pair{}
			r.MemberID = rapid.SampledFrom([]string{"", "a\tb\r\n\\t", "\x00\xff", "=1+1"}).Draw(rt, "cell")
			r.ImageID = strings.Repeat("wide ", rapid.SampledFrom([]int{0, 1, 1, 1, 7_000, 7_000, 60_000}).Draw(rt, "width"))
		case 1:
			if first := rows[rapid.IntRange(0, max(i-1, 0)).Draw(rt, "repeated")]; first.Line > 0 && first.Problem == "" && first.FirstLine == 0 {
				r.ImageID, r.MemberID, r.Pair = first.ImageID, first.MemberID, first.Pair
				r.FirstLine, r.FirstSeq = first.Line, first.Seq
			}
		}
		rows[i] = r
	}
	return rows
}

// A life is one start of the program, and how it ends. The zero life goes on to
// the last row.
type life struct {
	death *death
	// refused says that the question is answered by "no".
	refused bool
	// stop is how it is told to stop, and drain how long it has for that.
	stop  stop
	after time.Duration
	drain time.Duration
	// look is the call of the recorder, from 1, after which somebody looks at the
	// journal; 0 for never.
	look int
}

type stop string

const (
	interrupted stop = "a signal"
	budget      stop = "--max-duration"
	failures    stop = "--max-failures"
	outage      stop = "an outage"
)

func drawLife(rt *rapid.T) life {
	l := life{look: rapid.IntRange(0, 60).Draw(rt, "look")}
	switch rapid.IntRange(0, 6).Draw(rt, "end") {
	case 0, 1:
		d := drawDeath(rt)
		l.death = &d
	case 2:
		l.refused = true
	default:
		l.stop = rapid.SampledFrom([]stop{interrupted, budget, failures, outage}).Draw(rt, "stop")
		l.after = time.Duration(rapid.IntRange(1, 3000).Draw(rt, "after ms")) * time.Millisecond
		l.drain = time.Duration(rapid.IntRange(0, 60).Draw(rt, "drain ms")) * time.Millisecond
	}
	return l
}

// limit gives a job what ends its life, and tells the error that it then has.
func (l life) limit(job batch.Job) (*batch.Job, error) {
	job.Drain = l.drain
	switch l.stop {
	case interrupted:
		return &job, errInterrupted
	case budget:
		job.MaxDuration = l.after
		return &job, batch.ErrTimeBudget
	case failures:
		var err error
		if job.MaxFailures, err = batch.ParseAllowance(fmt.Sprint(l.after.Milliseconds() % 4)); err != nil {
			panic(err)
		}
		return &job, batch.ErrTooManyFailures
	case outage:
		job.OutagePatience = 5 * time.Second
		return &job, batch.ErrOutage
	}
	return &job, nil
}

var errInterrupted = errors.New("interrupted")

// A death is how a process ends that does not end by itself.
type death struct {
	call  int     // of the recorder, from 1, in which the process dies
	power bool    // the machine dies with it: what was not synced may be lost
	keeps float64 // how much of what may be lost is kept, from 0 to 1
	// zeros says that zeros stand behind it instead of nothing, and hole how much
	// of the rest they are: the end of it may have reached the disk all the same.
	zeros bool
	hole  float64
}

func drawDeath(rt *rapid.T) death {
	return death{
		call:  rapid.IntRange(1, 60).Draw(rt, "call"),
		power: rapid.Bool().Draw(rt, "power"),
		keeps: rapid.Float64Range(0, 1).Draw(rt, "keeps"),
		zeros: rapid.Bool().Draw(rt, "zeros"),
		hole:  rapid.SampledFrom([]float64{1, 0.1, 0.5}).Draw(rt, "hole"),
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

	settled   map[int]batch.Outcome // by results that have survived
	mayBeLost map[int]bool          // those that may have been under way at a death or a stop
}

func newTrial(rt *rapid.T, rows []batch.Row, job *batch.Job, path string) *trial {
	t := &trial{
		rt: rt, rows: rows, job: job, path: path, bySeq: make(map[batch.Pair]int), cloud: imagetest.NewCloud(),
		settled: make(map[int]batch.Outcome), mayBeLost: make(map[int]bool),
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
	faults := t.faults
	t.mu.Unlock()
	h := fnv.New32a()
	fmt.Fprint(h, pair, r.Attempt)
	var f imagetest.Fault
	if r.MemberID != "" {
		f = faults(r)
	}
	if f == (imagetest.Fault{}) {
		f.Apply = h.Sum32()%2 == 0 // what is done is told at once, or some time later
	}
	f.Delay = time.Duration(1+h.Sum32()%97) * time.Millisecond
	return f
}

// run lives one life: it starts the job or has it go on, until the life ends. It
// returns what the report says of each row.
func (t *trial) run(l life) []batch.Outcome {
	run := Run{Input: "pairs.csv", Digest: "d1", Rows: len(t.rows), Endpoint: "http://image.test"}
	j, err := OpenJournal(t.path)
	switch {
	case l.refused && err == nil:
		return t.refuse(j)
	case l.refused && errors.Is(err, os.ErrNotExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		j, err = createJournal(t.rt, t.path, t.rows, run), nil
	case err == nil:
		err = errors.Join(j.GoesWith(run), j.Continue(run))
	}
	if err != nil {
		t.rt.Errorf("%v", err)
		return nil
	}
	defer j.file.Close()
	t.begin(l)
	from := len(t.cloud.Requests())
	alive, die := context.WithCancel(context.Background())
	defer die()
	ctx, interrupt := context.WithCancelCause(context.Background())
	defer interrupt(nil)
	if l.stop == interrupted {
		defer time.AfterFunc(l.after, func() { interrupt(errInterrupted) }).Stop()
	}
	job, reason := l.limit(*t.job)
	rec := &mortal{Journal: j, trial: t, life: l, die: die, synced: j.size, ends: make(map[int]int64), settles: make(map[int]batch.Outcome)}
	_, err = job.Run(ctx, batch.Revoke, j.Remaining(), mortalAPI{t.api(), alive}, rec)
	t.judgeRequests(from)
	switch {
	case rec.dead:
		t.bury(rec)
		if j, err = OpenJournal(t.path); err != nil {
			t.rt.Errorf("after a death: %v", err)
			return nil
		}
		defer j.file.Close()
	case err != nil && !errors.Is(err, reason):
		t.rt.Errorf("the run ended: %v", err)
	default:
		stopped := Stop{}
		if err != nil {
			stopped = Stop{Reason: err.Error(), Unreached: "stopped", At: time.Now()}
		}
		err := j.End(stopped, batch.Summary{})
		if err == nil && l.look%2 == 0 { // or the report could not be written
			err = j.Reported("a sum")
		}
		if err != nil {
			t.rt.Errorf("%v", err)
		}
		for seq, o := range rec.settles {
			if o.Settled() {
				t.settled[seq] = o
			}
		}
	}
	t.look()
	return t.report(j)
}

// begin lets the cloud be as it is in the life that begins.
func (t *trial) begin(l life) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts = make(map[batch.Pair]int)
	t.faults = mixedFaults(t.seed)
	if t.moody {
		t.seed++
	}
	if l.stop == outage {
		calm, began := t.faults, time.Now()
		t.faults = func(r imagetest.Request) imagetest.Fault {
			if time.Since(began) > l.after {
				return imagetest.Status(503)
			}
			return calm(r)
		}
	}
}

// refuse looks at what a run would go on with, and does not. Nothing may change
// by that.
func (t *trial) refuse(j *Journal) []batch.Outcome {
	before, err := os.ReadFile(t.path)
	if err != nil {
		t.rt.Errorf("%v", err)
	}
	outcomes := t.report(j)
	for rows := j.Remaining(); err == nil; _, err = rows.Next() {
	}
	if err != io.EOF {
		t.rt.Errorf("%v", err)
	}
	if err := j.Close(); err != nil {
		t.rt.Errorf("%v", err)
	}
	if after, err := os.ReadFile(t.path); err != nil || !bytes.Equal(before, after) {
		t.rt.Errorf("a no has changed the journal, from %d bytes to %d: %v", len(before), len(after), err)
	}
	return outcomes
}

func (t *trial) api() batch.API {
	return imageapi.New(imageapi.Config{
		Endpoint:    &url.URL{Scheme: "http", Host: "image.test"},
		Transport:   t.cloud.Transport(),
		Credentials: ready(t.token),
		ProjectID:   imagetest.ProjectID,
	})
}

// judgeRequests holds that nothing is sent that was settled, or needs no request.
func (t *trial) judgeRequests(from int) {
	for _, r := range t.cloud.Requests()[from:] {
		seq, ours := t.bySeq[batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}]
		if r.Method == http.MethodDelete && (!ours || t.settled[seq] != "") {
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
	cut := m.floor + int64(m.life.death.keeps*float64(size-m.floor))
	kept := text[:cut]
	if m.life.death.zeros {
		kept = text
		clear(text[cut : cut+int64(m.life.death.hole*float64(size-cut))])
	}
	if err := os.WriteFile(t.path, kept, 0o600); err != nil {
		t.rt.Errorf("%v", err)
	}
	for seq := range t.rows {
		end, recorded := m.ends[seq]
		switch survived := recorded && end <= cut; {
		case survived && m.settles[seq].Settled():
			t.settled[seq] = m.settles[seq]
		case !survived && seq <= m.sent:
			t.mayBeLost[seq] = true
		}
	}
}

// done is what the cloud was asked for, and did, so far.
func (t *trial) done() (asked, applied map[batch.Pair]bool) {
	asked, applied = make(map[batch.Pair]bool), make(map[batch.Pair]bool)
	for _, r := range t.cloud.Requests() {
		if r.Method == http.MethodDelete {
			pair := batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}
			asked[pair], applied[pair] = true, applied[pair] || r.Applied
		}
	}
	return asked, applied
}

// judge holds one claim to what has happened: it is never better than that, nor
// in doubt where nothing was sent.
func (t *trial) judge(where string, r *batch.Result, asked, applied map[batch.Pair]bool) {
	row := t.rows[r.Row.Seq]
	shared := t.cloud.Shared(row.Pair.ImageID, row.Pair.MemberID)
	unsent, needsNone := row.Unsent()
	_, err := batch.ParseOutcome(string(r.Outcome))
	switch o := r.Outcome; {
	case err != nil,
		needsNone != (o == batch.Invalid || o == batch.Duplicate), needsNone && o != unsent.Outcome,
		(o == batch.Revoked || o == batch.Absent) && shared,
		o == batch.Revoked && !applied[row.Pair],
		(o == batch.Failed || o == batch.Skipped) && applied[row.Pair],
		o == batch.Unknown && !asked[row.Pair] && !t.mayBeLost[row.Seq],
		o != batch.Unknown && o != batch.Skipped && !needsNone && !asked[row.Pair],
		t.settled[row.Seq] != "" && t.settled[row.Seq] != o:
		t.rt.Errorf("%s: row %d is called %q (%s); it is shared: %t, was sent: %t, was done: %t, may have been lost: %t, was settled as %q",
			where, row.Seq, o, r.Message, shared, asked[row.Pair], applied[row.Pair], t.mayBeLost[row.Seq], t.settled[row.Seq])
	}
}

// look is what somebody sees who looks at the journal as it is, without the
// input. During a life it may call unknown what is under way.
func (t *trial) look() {
	results, err := OpenResults(t.path)
	if err != nil {
		t.rt.Errorf("look at the journal: %v", err)
		return
	}
	defer results.Close()
	asked, applied := t.done()
	rows, err := results.Rows()
	seq := 0
	for ; err == nil; seq++ {
		var e *Entry
		if e, err = rows.Next(); err != nil {
			break
		}
		want := t.rows[seq]
		image, member := idCells(&want)
		if e.Row.Line != want.Line || e.Row.ImageID != asRead(image) || e.Row.MemberID != asRead(member) {
			t.rt.Errorf("row %d of the journal is that of line %d, not %d", seq, e.Row.Line, want.Line)
		}
		e.Row.Seq = seq
		t.judge("the journal", &e.Result, asked, applied)
	}
	if err != io.EOF || seq != len(t.rows) {
		t.rt.Errorf("look at the journal: after %d of %d rows: %v", seq, len(t.rows), err)
	}
}

// report makes the report, and judges what it says of each row.
func (t *trial) report(j *Journal) []batch.Outcome {
	if _, err := (&CSV{Journal: j}).Write(io.Discard); err != nil {
		t.rt.Errorf("%v", err)
	}
	asked, applied := t.done()
	var outcomes []batch.Outcome
	settled := 0
	for rendering, row := j.render(), 0; row < len(t.rows); row++ {
		planned, err := rendering.next()
		var r batch.Result
		if err == nil {
			r, err = rendering.result(&planned, j.states[row])
		}
		if err != nil {
			t.rt.Errorf("%v", err)
			return nil
		}
		t.judge("the report", &r, asked, applied)
		if r.Outcome == batch.Duplicate && r.First != outcomes[r.Row.FirstSeq] {
			t.rt.Errorf("row %d repeats one that is called %q, not %q", row, r.First, outcomes[r.Row.FirstSeq])
		}
		if r.Outcome.Settled() {
			settled++
		}
		outcomes = append(outcomes, r.Outcome)
	}
	if n, _ := j.Settled(); n != settled {
		t.rt.Errorf("%d rows are settled, and the journal counts %d", settled, n)
	}
	return outcomes
}

// mortal is a journal in a process that dies in a call of it, if it is to.
type mortal struct {
	*Journal
	trial *trial
	life  life
	die   func() // ends what the process has under way
	calls int
	dead  bool

	synced  int64                 // what has reached the disk
	floor   int64                 // what has surely outlived the death
	ends    map[int]int64         // where the result of a row ends
	settles map[int]batch.Outcome // and what it says
}

var errDead = errors.New("the process is dead")

// call makes a call, during which the process may die.
func (m *mortal) call(f func() error) error {
	if m.dead {
		return errDead
	}
	m.calls++
	if m.calls == m.life.look {
		m.lookOn()
	}
	synced, written := m.synced, m.size
	if err := f(); err != nil || m.life.death == nil || m.calls < m.life.death.call {
		return err
	}
	m.dead, m.floor = true, written
	if m.life.death.power {
		m.floor = synced
	}
	m.die()
	return errDead
}

// lookOn looks at the journal of the life that goes on. What has been announced
// and has no result yet may be under way.
func (m *mortal) lookOn() {
	t := m.trial
	lost := t.mayBeLost
	t.mayBeLost = maps.Clone(lost)
	for seq := range t.rows {
		if seq <= m.sent {
			t.mayBeLost[seq] = true
		}
	}
	t.look()
	t.mayBeLost = lost
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
		m.settles[r.Row.Seq] = r.Outcome
		if r.Lost {
			m.trial.mayBeLost[r.Row.Seq] = true
		}
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
func (ready) Renew(context.Context, uint64, string) error { return batch.ErrUnauthorized }
func (ready) Accepted(uint64, string)                     {}
