package report

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// A Kind is what one of the program's files holds. Errors call such a file by
// it.
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

// Kind is the kind of a file in this format.
func (f Format) Kind() Kind {
	return map[Format]Kind{FormatCSV: KindReport, FormatJSON: KindJSON, FormatJSONL: KindJSONL, FormatHTML: KindHTML}[f]
}

// KindHead is how many bytes of a file tell its kind.
const KindHead = 4 << 10

// pageMark is in the head of every HTML report.
const pageMark = `<meta name="generator" content="imsrevoke">`

var (
	journalHead = pattern(`^[0-9a-f]{8}(` + journalBegin + `|` + earlierBegin + `)\d+\t`)
	jsonHead    = pattern(`^\{\n  "(run": \{\n(    .*\n)*?    "digest": "|ended": (true|false),\n(  .*\n)*?  "counts": \{\n    "rows": \d)`)
	jsonlHead   = pattern(`^\{"line":\d+,"image_id":"`)
	shareHead   = pattern(`^\{("image_id":"[^"]*","member_id":"|\n  "shares": \[)`)
)

// pattern compiles a regular expression when it is first needed, which is at the
// start of no program.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// isJournal reports whether a file with these first bytes is a journal, whole or not.
func isJournal(head []byte) bool {
	text := string(head[min(len(head), sumLength):])
	return strings.HasPrefix(text, journalBegin) || strings.HasPrefix(text, earlierBegin)
}

// KindOf tells by the first [KindHead] bytes of a file which of the program's
// files it is; empty for any other. A journal of which a power cut has left
// nothing but zeros is a journal.
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
