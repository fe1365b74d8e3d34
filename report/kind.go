package report

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// A Kind is the kind of one of the program's files, as errors name it.
type Kind string

// The kinds.
const (
	KindReport  Kind = "report"
	KindJournal Kind = "journal"
	KindHTML    Kind = "HTML report"
	KindJSON    Kind = "JSON report"
	KindJSONL   Kind = "JSONL report"
	KindMetrics Kind = "metrics file"
	KindList    Kind = "list" // of shares, in any of its formats
)

// Kind returns the kind of a file in this format.
func (f Format) Kind() Kind {
	return map[Format]Kind{FormatCSV: KindReport, FormatJSON: KindJSON, FormatJSONL: KindJSONL, FormatHTML: KindHTML}[f]
}

// KindHead is how many bytes of a file KindOf needs.
const KindHead = 4 << 10

// pageMark is in the head of every HTML report.
const pageMark = `<meta name="generator" content="imsrevoke">`

var (
	journalHead = pattern(`^[0-9a-f]{8}(` + journalBegin + `|` + earlierBegin + `)\d+\t`)
	jsonHead    = pattern(`^\{\n  "(run": \{\n(    .*\n)*?    "digest": "|ended": (true|false),\n(  .*\n)*?  "counts": \{\n    "rows": \d)`)
	jsonlHead   = pattern(`^\{"line":\d+,"image_id":"`)
	shareHead   = pattern(`^\{("image_id":"[^"]*","member_id":"|\n  "shares": \[)`)
)

// pattern compiles a regular expression when it is first needed, to keep the start of
// the program short.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// isJournal reports whether a file with these first bytes is a journal, whole or not.
func isJournal(head []byte) bool {
	text := string(head[min(len(head), sumLength):])
	return strings.HasPrefix(text, journalBegin) || strings.HasPrefix(text, earlierBegin)
}

// KindOf returns the kind of a file by its first [KindHead] bytes, empty if it is not one
// of the program's. A file of zeros is a journal, of which a power cut left nothing.
func KindOf(head []byte) Kind {
	switch text := string(bytes.TrimPrefix(head, []byte(byteOrderMark))); {
	case strings.HasPrefix(text, strings.Join(columnNames[:4], ",")+","):
		return KindReport
	case journalHead().Match(head), len(head) > 0 && len(bytes.Trim(head, "\x00")) == 0:
		return KindJournal
	case strings.HasPrefix(text, "<!DOCTYPE html>\n") && strings.Contains(text, pageMark):
		return KindHTML
	case jsonHead().Match(head):
		return KindJSON
	case jsonlHead().Match(head):
		return KindJSONL
	case strings.HasPrefix(text, "# HELP "+metricsPrefix):
		return KindMetrics
	case strings.HasPrefix(text, strings.Join(shareNames[:4], ",")+","), shareHead().Match(head):
		return KindList
	}
	return ""
}
