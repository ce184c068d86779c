package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/internal/document"
)

// Corrections are what somebody has made of a page. Each is kept as a revision of its own, written once: of two people who
// correct the same revision the store lets one write the next, whichever gateways they are at, and what was corrected before can be
// looked up.
type Corrections struct {
	// Revision from 1; 0 where nobody has corrected the page.
	Revision int `json:"-"`
	// Key is the name of the API key by which they were made, and Time when.
	Key   string                `json:"key"`
	Time  time.Time             `json:"time"`
	Words []document.Correction `json:"words"`
}

// CorrectionRevisions finds the last revision of the corrections of each page of a job that has any.
func (s *Store) CorrectionRevisions(ctx context.Context, namespace string, job types.UID) (map[int]int, error) {
	return s.correctionRevisions(ctx, CorrectionsPrefix(namespace, job), CorrectionsPrefix(namespace, job))
}

func (s *Store) correctionRevisions(ctx context.Context, all, prefix string) (map[int]int, error) {
	revisions := map[int]int{}
	for listed, err := range s.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		folder, name, _ := strings.Cut(strings.TrimPrefix(listed.Key, all), "/")
		page, isPage := pageNumber("", folder+pageSuffix)
		revision, isRevision := pageNumber("", name)
		if isPage && isRevision {
			revisions[page] = max(revisions[page], revision)
		}
	}
	return revisions, nil
}

// CorrectionRevision finds the last revision of the corrections of a page, without looking at others; 0 where there is none.
func (s *Store) CorrectionRevision(ctx context.Context, namespace string, job types.UID, page int) (int, error) {
	all := CorrectionsPrefix(namespace, job)
	revisions, err := s.correctionRevisions(ctx, all, fmt.Sprintf("%s%06d/", all, page))
	return revisions[page], err
}

// LastCorrections reads the last corrections of a page; none have the revision 0.
func (s *Store) LastCorrections(ctx context.Context, namespace string, job types.UID, page int) (Corrections, error) {
	revision, err := s.CorrectionRevision(ctx, namespace, job, page)
	if err != nil || revision == 0 {
		return Corrections{}, err
	}
	return s.Corrections(ctx, namespace, job, page, revision)
}

// Corrections reads a revision of the corrections of a page.
func (s *Store) Corrections(ctx context.Context, namespace string, job types.UID, page, revision int) (Corrections, error) {
	content, err := s.Get(ctx, CorrectionsKey(namespace, job, page, revision))
	if err != nil {
		return Corrections{}, err
	}
	defer content.Close()
	corrections := Corrections{Revision: revision}
	if err := json.NewDecoder(content).Decode(&corrections); err != nil {
		return Corrections{}, unavailable(fmt.Errorf("read the corrections of page %d: %w", page, err))
	}
	return corrections, nil
}

// Correct stores corrections of a page under their revision. It fails with ErrExists where somebody was first.
func (s *Store) Correct(ctx context.Context, namespace string, job types.UID, page int, corrections Corrections) error {
	content, err := json.Marshal(corrections)
	if err != nil {
		return fmt.Errorf("encode the corrections of page %d: %w", page, err)
	}
	_, err = s.Put(ctx, CorrectionsKey(namespace, job, page, corrections.Revision), bytes.NewReader(content))
	if err != nil && !errors.Is(err, ErrExists) && !errors.Is(err, ErrUnavailable) {
		return unavailable(err)
	}
	return err
}
