package batch

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"
)

// rowsSource hands out rows from memory.
type rowsSource struct {
	rows []Row
	next int
	err  error // returned after the last row, io.EOF when nil
}

func (s *rowsSource) Next() (Row, error) {
	if s.next == len(s.rows) {
		if s.err != nil {
			return Row{}, s.err
		}
		return Row{}, io.EOF
	}
	s.next++
	return s.rows[s.next-1], nil
}

// rowsOf makes n rows of distinct pairs, each of its own image.
func rowsOf(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		image, member := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), memberID(i)
		rows[i] = Row{Seq: i, Line: i + 2, ImageID: image, MemberID: member, Pair: Pair{image, member}}
	}
	return rows
}

// memberID makes distinct project ids.
func memberID(i int) string { return fmt.Sprintf("%031xf", i) }

// A request is one that fakeAPI has seen.
type request struct {
	pair    Pair // without a member for a read
	attempt int  // from 1, for this pair
	at      time.Time

	answered time.Time // when the answer went out
	answer   Answer
}

// fakeAPI answers as its functions say, after its latency. They are called one
// at a time. Without them every share is revoked or made, and every list is
// empty.
type fakeAPI struct {
	latency time.Duration
	jitter  func(request) time.Duration // on top of the latency, nil for none
	remove  func(request) Answer
	add     func(request) Answer
	members func(request) (members, Answer)
	images  func(request, Cursor) (ImagePage, Answer)

	mu       sync.Mutex
	attempts map[Pair]int
	requests []*request
	inFlight int
	most     int
}

func (f *fakeAPI) enter(p Pair) *request {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.attempts == nil {
		f.attempts = make(map[Pair]int)
	}
	f.attempts[p]++
	r := &request{pair: p, attempt: f.attempts[p], at: time.Now()}
	f.requests = append(f.requests, r)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	return r
}

// exchange waits as long as r takes and has it answered, or ends with ctx.
func (f *fakeAPI) exchange(ctx context.Context, r *request, reply func(request) Answer) Answer {
	latency := f.latency
	if f.jitter != nil {
		latency += f.jitter(*r)
	}
	inTime := true
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-ctx.Done():
			inTime = false
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight--
	r.answer = Answer{Meaning: Unanswered, Message: "no answer in time"}
	if inTime {
		r.answer = reply(*r)
	}
	r.answered = time.Now()
	return r.answer
}

func (f *fakeAPI) Remove(ctx context.Context, p Pair) Answer {
	return f.exchange(ctx, f.enter(p), func(r request) Answer {
		if f.remove == nil {
			return Answer{Meaning: Removed, Status: 204}
		}
		return f.remove(r)
	})
}

func (f *fakeAPI) Add(ctx context.Context, p Pair) Answer {
	return f.exchange(ctx, f.enter(p), func(r request) Answer {
		if f.add == nil {
			return Answer{Meaning: Added, Status: 200}
		}
		return f.add(r)
	})
}

func (f *fakeAPI) Images(ctx context.Context, q ImageQuery, from Cursor) (ImagePage, Answer) {
	var page ImagePage
	answer := f.exchange(ctx, f.enter(Pair{ImageID: "list " + string(from)}), func(r request) (a Answer) {
		page, a = f.images(r, from)
		return a
	})
	return page, answer
}

func (f *fakeAPI) Members(ctx context.Context, imageID string, _ Cursor) (Page, Answer) {
	var m members
	a := f.exchange(ctx, f.enter(Pair{ImageID: imageID}), func(r request) (a Answer) {
		if f.members == nil {
			m, a = members{Complete: true}, Answer{Meaning: Listed, Status: 200}
		} else {
			m, a = f.members(r)
		}
		return a
	})
	return m.page(), a
}

// members are a member list of one page; Complete says that it is the owner's.
type members struct {
	IDs      []string
	Complete bool
}

func (m members) page() Page {
	p := Page{OwnOnly: !m.Complete}
	for _, id := range m.IDs {
		p.Members = append(p.Members, Member{ID: id})
	}
	return p
}

// memory keeps results. When they are set, Record fails from the failFrom-th
// result on, and Flush once it is to keep as many as flushFailFrom.
type memory struct {
	results                 []Result
	flushed                 int
	onRecord                func(Result)
	failFrom, flushFailFrom int

	begun     []int
	failBegin int // the number of the first row that cannot be begun
}

func (m *memory) Begin(row Row) error {
	if m.failBegin > 0 && row.Seq >= m.failBegin {
		return io.ErrShortWrite
	}
	m.begun = append(m.begun, row.Seq)
	return nil
}

func (m *memory) Record(r Result) error {
	if m.failFrom > 0 && len(m.results)+1 >= m.failFrom {
		return io.ErrShortWrite
	}
	m.results = append(m.results, r)
	if m.onRecord != nil {
		m.onRecord(r)
	}
	return nil
}

func (m *memory) Flush() error {
	if m.flushFailFrom > 0 && len(m.results) >= m.flushFailFrom {
		return io.ErrClosedPipe
	}
	m.flushed = len(m.results)
	return nil
}

// count counts the results with the outcome.
func (m *memory) count(o Outcome) (n int) {
	for _, r := range m.results {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// bySeq is the result of the row with that number.
func (m *memory) bySeq(t *testing.T, seq int) Result {
	t.Helper()
	i := slices.IndexFunc(m.results, func(r Result) bool { return r.Row.Seq == seq })
	if i < 0 {
		t.Fatalf("row %d has no result", seq)
	}
	return m.results[i]
}

// testJob is a job without limits, quick enough to be followed.
func testJob() *Job {
	return &Job{Workers: 4, Rate: Unlimited, Attempts: 5, AttemptTimeout: 30 * time.Second}
}

func answer(m Meaning, status int) func(request) Answer {
	return func(request) Answer { return Answer{Meaning: m, Status: status, Message: "text of the answer"} }
}

// firstThen gives the answers in their order, the last one for good.
func firstThen(answers ...Answer) func(request) Answer {
	return func(r request) Answer { return answers[min(r.attempt, len(answers))-1] }
}
