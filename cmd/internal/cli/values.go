package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
)

// The types of flags. Each is a pflag.Value.

// A rate is requests a second, written as 5/s, 180/m, 200/5m, 1000/h or unlimited.
type rate ui.Rate

func (r *rate) Type() string   { return "rate" }
func (r *rate) String() string { return ui.Rate(*r).String() }

func (r *rate) Set(text string) error {
	if text == "unlimited" {
		*r = batch.Unlimited
		return nil
	}
	number, per, _ := strings.Cut(strings.TrimSpace(text), "/")
	units := map[string]float64{"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
	unit := strings.TrimLeft(per, "0123456789")
	times, err := 1, error(nil)
	if count := strings.TrimSuffix(per, unit); count != "" && unit != "" { // 200/5m: 200 in five minutes
		times, err = strconv.Atoi(count)
	}
	seconds, known := units[unit]
	n, e := strconv.ParseFloat(number, 64)
	perSecond := n / (seconds * float64(times))
	if err != nil || e != nil || !known || per != "" && unit == "" || !(perSecond > 0) || perSecond > 1e9 {
		return fmt.Errorf("%q is not a rate such as 5/s, 180/m, 200/5m or unlimited", text)
	}
	*r = rate(perSecond)
	return nil
}

// An allowance is how many rows may fail.
type allowance struct{ *batch.Allowance }

func (a allowance) Type() string { return "N|N%" }

func (a allowance) Set(text string) (err error) {
	*a.Allowance, err = batch.ParseAllowance(text)
	return err
}

// A choice is one of some words.
type choice struct {
	word  *string
	words []string
}

func (c *choice) Type() string   { return strings.Join(c.words, "|") }
func (c *choice) String() string { return *c.word }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		if near, ok := batch.Nearest(text, c.words); ok {
			return exit.WithHint(fmt.Errorf("%q is not one of %s", text, strings.Join(c.words, ", ")), "did you mean "+near+"?")
		}
		return fmt.Errorf("%q is not one of %s", text, strings.Join(c.words, ", "))
	}
	*c.word = text
	return nil
}

// A delimiter is one character, or the name of one that a shell makes hard to
// type.
type delimiter rune

func (d *delimiter) Type() string { return "char" }

func (d *delimiter) String() string {
	switch *d {
	case 0:
		return ""
	case '\t':
		return "tab"
	}
	return string(rune(*d))
}

func (d *delimiter) Set(text string) error {
	switch text {
	case "tab", `\t`:
		*d = '\t'
		return nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 || size != len(text) || r == utf8.RuneError {
		return fmt.Errorf("%q is neither one character, such as ; or |, nor tab", text)
	}
	*d = delimiter(r)
	return nil
}

// A shard is a part of a file, written as I/N. Written as /N or N it is the part
// whose number JOB_COMPLETION_INDEX holds, as in an Indexed Job of Kubernetes.
type shard struct {
	part    *manifest.Shard
	indexed bool
}

func (s *shard) Type() string   { return "I/N" }
func (s *shard) String() string { return s.part.String() }

func (s *shard) Set(text string) error {
	index, count, ok := strings.Cut(text, "/")
	if !ok {
		index, count = "", text
	}
	var set manifest.Shard
	var err error
	if set.Count, err = strconv.Atoi(count); err == nil && index != "" {
		set.Index, err = strconv.Atoi(index)
	}
	if err != nil || set.Count < 1 || set.Index < 0 || set.Index >= set.Count {
		return fmt.Errorf("%q is not a shard such as 0/4, 1/4, 2/4 or 3/4, nor /4 with JOB_COMPLETION_INDEX set", text)
	}
	*s.part, s.indexed = set, index == ""
	return nil
}

// complete takes the number from the environment, where it was left out.
func (s *shard) complete(getenv func(string) string) error {
	if !s.indexed {
		return nil
	}
	const variable = "JOB_COMPLETION_INDEX"
	index := getenv(variable)
	if index == "" {
		return fmt.Errorf("--shard does not say which one of %s; give it as in --shard 0/%d, or set %s", ui.Plural(s.part.Count, "shard"), s.part.Count, variable)
	}
	if err := s.Set(fmt.Sprintf("%s/%d", index, s.part.Count)); err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return nil
}

// ids are ids of one kind, from a flag that may be repeated.
type ids struct {
	list  *[]string
	parse func(string) (string, error)
}

func (l *ids) Type() string   { return "ID" }
func (l *ids) String() string { return strings.Join(*l.list, ",") }

func (l *ids) Set(text string) error {
	for id := range strings.SplitSeq(text, ",") {
		if _, err := l.parse(id); err != nil {
			return err
		}
		*l.list = append(*l.list, batch.TrimID(id))
	}
	return nil
}

// conditions are demands on other columns, from a flag that may be repeated.
type conditions []manifest.Condition

func (l *conditions) Type() string { return "COLUMN=VALUE" }

func (l *conditions) String() string {
	var words []string
	for _, c := range *l {
		words = append(words, c.Column+"="+c.Value)
	}
	return strings.Join(words, ",")
}

func (l *conditions) Set(text string) error {
	column, value, ok := strings.Cut(text, "=")
	if !ok || strings.TrimSpace(column) == "" {
		return errors.New("give the name of a column and a value, such as decision=revoke")
	}
	*l = append(*l, manifest.Condition{Column: column, Value: value})
	return nil
}

// A wordList is some of the words that a flag knows, from a flag that may be
// repeated. None of them stands for all.
type wordList struct {
	list  *[]string
	words []string
}

func (l *wordList) Type() string   { return "words" }
func (l *wordList) String() string { return strings.Join(*l.list, ",") }

func (l *wordList) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		var known string
		if err := (&choice{&known, l.words}).Set(strings.TrimSpace(word)); err != nil {
			return err
		}
		*l.list = append(*l.list, known)
	}
	return nil
}

// A day is a date, which begins in UTC.
type day struct{ *time.Time }

func (d day) Type() string { return "date" }

func (d day) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

func (d day) Set(text string) error {
	t, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("%q is not a date such as 2026-06-30", text)
	}
	*d.Time = t
	return nil
}
