// Package report records the rows of a run and their results, and reports them.
//
// Before anything is sent, a [Plan] takes the rows of the input. A [Journal] begins with
// them, and results are appended to it as rows finish. At the end a [CSV] is made from
// the journal alone, with one row for each row of the input, in the order of the input.
//
// At any time [Results] reads a report, or a journal, which has the same rows, and a
// [View] shows them in another form.
package report
