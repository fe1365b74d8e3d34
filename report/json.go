package report

import (
	"encoding/json"
	"fmt"
	"io"

	"imsrevoke/batch"
)

// The JSON forms of a report. Users rely on the names; those of a row are the columns of
// the CSV. Empty values are omitted.

type jsonReport struct {
	Run     *Run            `json:"run,omitempty"`
	Ended   bool            `json:"ended"`
	Stopped *jsonStop       `json:"stopped,omitempty"`
	Only    []batch.Outcome `json:"only,omitempty"`
	Counts  jsonCounts      `json:"counts"`
	Reasons []jsonReason    `json:"reasons"`
}

type jsonStop struct {
	Reason   string `json:"reason"`
	ExitCode int    `json:"exit_code,omitempty"`
	At       string `json:"at"`
}

type jsonCounts struct {
	Rows     int                   `json:"rows"`
	Settled  int                   `json:"settled"`
	Outcomes map[batch.Outcome]int `json:"outcomes"`
	Verified map[Verdict]int       `json:"verified,omitempty"`
	// AlsoShared are images that accounts or organizations can use, too.
	AlsoShared []AlsoShared `json:"also_shared,omitempty"`
}

type jsonReason struct {
	Outcome    batch.Outcome `json:"outcome"`
	HTTPStatus int           `json:"http_status,omitempty"`
	Message    string        `json:"message,omitempty"`
	Rows       int           `json:"rows"`
	Lines      []int         `json:"lines,omitempty"`
}

type jsonRow struct {
	Line       int               `json:"line"`
	ImageID    string            `json:"image_id"`
	MemberID   string            `json:"member_id"`
	Outcome    batch.Outcome     `json:"outcome"`
	HTTPStatus int               `json:"http_status,omitempty"`
	Attempts   int               `json:"attempts"`
	DurationMS *int64            `json:"duration_ms,omitempty"`
	RequestID  string            `json:"request_id,omitempty"`
	Message    string            `json:"message,omitempty"`
	FinishedAt string            `json:"finished_at,omitempty"`
	Settled    bool              `json:"settled"`
	Verified   Verdict           `json:"verified,omitempty"`
	AlsoShared string            `json:"also_shared_with,omitempty"`
	Input      map[string]string `json:"input,omitempty"`
}

// writeJSONL writes one object per row, each on a line.
func (v View) writeJSONL(w io.Writer, r *Results) error {
	encoder, names := newEncoder(w), memberNames(r.Columns)
	return v.Each(r, func(e *Entry) error { return encoder.Encode(jsonRowOf(e, names)) })
}

// writeJSON writes one object, with each row on a line of its own.
func (v View) writeJSON(w io.Writer, r *Results) error {
	survey, err := r.Survey()
	if err != nil {
		return err
	}
	head, err := json.MarshalIndent(v.jsonReport(survey), "", "  ")
	if err != nil {
		return err
	}
	// The rows are the last member, written one by one.
	if _, err := fmt.Fprintf(w, "%s,\n  \"rows\": [", head[:len(head)-len("\n}")]); err != nil {
		return err
	}
	names, between := memberNames(r.Columns), "\n"
	err = v.Each(r, func(e *Entry) error {
		row, err := marshal(jsonRowOf(e, names))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s%s", between, row)
		between = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n  ]\n}\n")
	return err
}

func newEncoder(w io.Writer) *json.Encoder {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder
}

func (v View) jsonReport(s *Survey) jsonReport {
	j := jsonReport{
		Run: s.Run, Ended: s.Ended, Only: v.Only,
		Counts:  jsonCounts{Rows: s.Rows, Settled: s.Settled(), Outcomes: s.Outcomes, Verified: s.Verified, AlsoShared: s.AlsoShared},
		Reasons: []jsonReason{},
	}
	if s.Stopped.Reason != "" {
		j.Stopped = &jsonStop{s.Stopped.Reason, s.Stopped.ExitCode, formatTime(s.Stopped.At)}
	}
	for _, reason := range s.Reasons() {
		j.Reasons = append(j.Reasons, jsonReason{reason.Outcome, reason.Status, reason.Message, reason.Rows, reason.Lines})
	}
	return j
}

func jsonRowOf(e *Entry, names []string) jsonRow {
	row := jsonRow{
		Line: e.Row.Line, ImageID: e.Row.ImageID, MemberID: e.Row.MemberID, Outcome: e.Outcome,
		HTTPStatus: e.Status, Attempts: e.Attempts, RequestID: e.RequestID, Message: e.Message,
		Settled: e.Settled(), Verified: e.Verified, AlsoShared: e.AlsoSharedWith,
	}
	if e.Attempts > 0 {
		took := e.Duration.Milliseconds()
		row.DurationMS = &took
	}
	if !e.FinishedAt.IsZero() {
		row.FinishedAt = formatTime(e.FinishedAt)
	}
	for i, cell := range e.Other {
		if cell == "" {
			continue
		}
		if row.Input == nil {
			row.Input = make(map[string]string)
		}
		row.Input[names[i]] = cell
	}
	return row
}

// memberNames returns unique names for the input's other columns, as members of an
// object: one that occurs again gets a number.
func memberNames(columns []string) []string {
	taken := make(map[string]bool)
	names := make([]string, len(columns))
	for i, column := range columns {
		name := column
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", column, n)
		}
		taken[name] = true
		names[i] = name
	}
	return names
}
