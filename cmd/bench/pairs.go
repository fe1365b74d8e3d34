//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// pairsFile describes a file of pairs, ten of each image.
type pairsFile struct {
	rows int
	// repeats: one row in so many repeats an earlier one; none does when it is 0.
	repeats int
	// twice: the second half of the rows repeats the first.
	twice bool
	// note is how many bytes each row has in a column besides its ids.
	note int
}

func (f pairsFile) write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	header, note := "image_id,member_id", ""
	if f.note > 0 {
		header, note = header+",note", ","+strings.Repeat("x", f.note)
	}
	fmt.Fprintln(w, header)
	for i := range f.rows {
		switch {
		case f.twice:
			i %= f.rows / 2
		case f.repeats > 0 && i%f.repeats == f.repeats-1:
			i /= 2
		}
		p := pair(i)
		fmt.Fprintf(w, "%s,%s%s\n", p[0], p[1], note)
	}
	return errors.Join(w.Flush(), file.Close())
}

// pair is the i-th pair of ids that look like those of a cloud.
func pair(i int) [2]string {
	return [2]string{
		fmt.Sprintf("%08x-5b1a-4c57-9a41-%012x", uint32(i/10)*2654435761, i/10),
		fmt.Sprintf("%08x%024x", uint32(i)*2654435761, i),
	}
}
