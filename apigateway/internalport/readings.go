package internalport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/ledger"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// waitingInMemory bounds, in bytes, the pages that wait for a model, which takes minutes: a page of A4 takes less than a megabyte.
	// They have memory of their own, so that pages which need no model are stored meanwhile.
	waitingInMemory = 96 << 20
	// waitingOfOne are those of one worker.
	waitingOfOne = 2 * maxReading
	// roomAfter is when a worker for whose page there is no room may come again.
	roomAfter = 5 * time.Second
	// finishTime bounds what is done with an answer, which is paid for, even if the worker has gone meanwhile.
	finishTime = 30 * time.Second
	// aiBytes is more than what is said of a model takes in a page.
	aiBytes = 4 << 10
)

// inquiry is what an AI model is asked about one page.
type inquiry struct {
	work     assignment
	number   int
	incoming *incoming

	role document.AIRole
	// name of the model, which is nil where it does not exist any more.
	name  string
	model *v1alpha1.OcrModel

	organization *v1alpha1.Organization
	// month that it is charged to.
	month string
}

// finding is what came of an inquiry.
type finding struct {
	// next is what is to be done: use what was answered, or not, for the reason; detail is for the log.
	next           step
	reason, detail string
	// text of the page, or of lines.
	text  string
	lines map[int]string

	attempts int
	spent    relayport.Spent
}

// reading has the AI model of a job read a page, or correct lines of it, and stores what comes of it, once.
func (s *Server) reading(w http.ResponseWriter, r *http.Request, work assignment) error {
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	key := storage.PageKey(work.job.Namespace, work.job.UID, number)
	if stored, err := s.Store.Exists(r.Context(), key); err != nil {
		return err
	} else if stored {
		return s.writePage(w, r, key, http.StatusOK)
	}
	asked, err := s.inquiryOf(r.Context(), work, number)
	if err != nil {
		return err
	}
	forget, err := s.receiveReading(w, r, asked)
	if err != nil {
		return err
	}
	defer forget()
	found, release, asking := s.ask(r.Context(), asked)
	defer release()
	// Whatever the worker does, what was spent is noted, and what was answered is kept.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	if asking != nil {
		asking = errors.Join(asking, s.noteSpent(ctx, asked, found.spent, spending.Sum{}))
		if r.Context().Err() != nil {
			return &refusal{http.StatusRequestTimeout, "WorkerGone", "the worker did not wait for the answer", asking}
		}
		return asking
	}
	created, err := s.storeReading(r.WithContext(ctx), asked, found)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.writePage(w, r, key, status)
}

// inquiryOf gathers what there is to know before the page is looked at.
func (s *Server) inquiryOf(ctx context.Context, work assignment, number int) (*inquiry, error) {
	role, name := roleOf(work.job)
	if role == "" {
		return nil, badPage("no AI model has anything to do with this job", nil)
	}
	model, err := s.aiModel(ctx, name)
	if err != nil {
		return nil, err
	}
	directory := tenants.Directory{Reader: s.Client}
	organization, err := directory.ByNamespace(ctx, work.job.Namespace)
	if err != nil {
		return nil, err
	}
	plan, err := directory.Plan(ctx, organization)
	if err != nil {
		return nil, err
	}
	month, err := ledger.Month(s.Now(), plan)
	if err != nil {
		return nil, err
	}
	return &inquiry{work: work, number: number, role: role, name: name, model: model, organization: organization, month: month}, nil
}

// receiveReading takes a page and its images into memory, until forget is called.
func (s *Server) receiveReading(w http.ResponseWriter, r *http.Request, asked *inquiry) (forget func(), err error) {
	content, received, err := s.receive(w, r, asked.work, maxReading)
	if err != nil {
		return nil, err
	}
	defer received()
	forget, err = s.waiting.TryHold(asked.work.owner(), int64(len(content)))
	if err != nil {
		return nil, busy(tooMany{roomAfter})
	}
	asked.incoming, err = parseReading(r.Header.Get("Content-Type"), content, asked.role, taskOf(asked.role, asked.model).MaxSide)
	if err == nil {
		err = s.checkReading(r.Context(), asked)
	}
	if err != nil {
		forget()
		return nil, err
	}
	return forget, nil
}

// checkReading makes sure that what will be read again, once the model has answered, is the page that it is stored for. It is kept
// as it is stored, without what else a worker has sent.
func (s *Server) checkReading(ctx context.Context, asked *inquiry) error {
	return s.withPage(ctx, asked, 0, func(page *document.Page) error {
		if err := checkIncoming(page, asked.incoming.images, recognizerOf(asked.work.job)); err != nil {
			return badPage("an AI model cannot be asked about this page", err)
		}
		content, err := document.EncodePage(page)
		if err != nil {
			return fmt.Errorf("encode page %d: %w", asked.number, err)
		}
		if len(content)+aiBytes > workerport.MaxPageBytes {
			return pageTooLarge(workerport.MaxPageBytes - aiBytes)
		}
		asked.incoming.page = content
		return nil
	})
}

// withPage decodes the page as the recogniser read it, which takes much memory, lets use have it, and forgets it. more is what else
// is held meanwhile, in bytes.
func (s *Server) withPage(ctx context.Context, asked *inquiry, more int, use func(quick *document.Page) error) error {
	release, err := s.Store.HoldPage(ctx, asked.work.job.Namespace, int64(len(asked.incoming.page)+more))
	if err != nil {
		return err
	}
	defer release()
	quick, err := readPage(asked.incoming.page, asked.number)
	if err != nil {
		return badPage("this is not the result of that page", err)
	}
	return use(quick)
}

// storeReading notes what was spent, and then stores the page with what came of the inquiry, once.
func (s *Server) storeReading(r *http.Request, asked *inquiry, found finding) (created bool, err error) {
	noted := false
	err = s.withPage(r.Context(), asked, len(found.text), func(quick *document.Page) error {
		page, content, err := asked.result(quick, found, s.Now().UTC())
		if err != nil {
			return err
		}
		noted = true
		if err := s.noteSpent(r.Context(), asked, found.spent, outcomeOf(page.AI)); err != nil {
			return err
		}
		if err := s.notEnded(r.Context(), asked.work); err != nil {
			return err
		}
		key := storage.PageKey(asked.work.job.Namespace, asked.work.job.UID, asked.number)
		if created, err = s.keepOnce(r, asked.work, key, content); err != nil {
			return err
		}
		if created {
			countPage(page)
			countAI(asked.model, page)
		}
		s.logFinding(r.Context(), asked, page.AI, found.detail)
		return nil
	})
	if !noted {
		// There was no memory for the page. What was spent is spent.
		err = errors.Join(err, s.noteSpent(r.Context(), asked, found.spent, spending.Sum{}))
	}
	return created, err
}

// noteSpent adds to the account of the organization what a page has cost, and what came of it.
func (s *Server) noteSpent(ctx context.Context, asked *inquiry, spent relayport.Spent, sum spending.Sum) error {
	if spent == (relayport.Spent{}) && sum == (spending.Sum{}) {
		return nil
	}
	spent = spending.Bounded(spent)
	sum.Answers, sum.Milliseconds = int64(spent.Answers), spent.Milliseconds
	sum.InputTokens, sum.OutputTokens = spent.InputTokens, spent.OutputTokens
	sum.Cost = asked.cost(spent)
	if asked.model != nil {
		countSpent(asked.organization.Name, asked.name, sum)
	}
	return s.Spending.Note(ctx, asked.work.job.Namespace, asked.month, asked.name, sum)
}

// notEnded fails with 410 once the job has ended. A worker whose place another one has taken has read the page nonetheless.
func (s *Server) notEnded(ctx context.Context, work assignment) error {
	for _, reader := range []client.Reader{s.Client, s.Live} {
		job := new(v1alpha1.OcrJob)
		err := reader.Get(ctx, client.ObjectKeyFromObject(work.job), job)
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return fmt.Errorf("read the job: %w", err)
		case job.UID != work.job.UID || job.Status.Phase.Ended():
			return gone("the job has ended")
		}
		return nil
	}
	return gone("the job does not exist any more")
}
