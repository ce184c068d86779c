package internalport

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// turnTime is how long the relay lets a question wait for its turn.
	turnTime = 5 * time.Minute
	// answerMargin is what all else may take of the time for a page.
	answerMargin = 30 * time.Second
	// mostAtOnce bounds the pages of a worker that wait for a model: enough to keep it busy while the engine reads the next one, and
	// little enough that what they hold in memory and what is asked again after a disruption are some pages.
	mostAtOnce = 4
	// unsureBelow: of words that are said to be 75 sure one in five is wrong, and of those above 80 one in eleven (docs/quality.md).
	unsureBelow = 75
	// maxLines is half of a page of A4. A page with more lines in doubt is one for a model that reads it whole.
	maxLines = 20
)

// aiModel finds the OcrModel of an AI model, nil where it does not exist any more.
func (s *Server) aiModel(ctx context.Context, name string) (*v1alpha1.OcrModel, error) {
	model := new(v1alpha1.OcrModel)
	err := s.Client.Get(ctx, client.ObjectKey{Name: name}, model)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read AI model %q: %w", name, err)
	}
	return model, nil
}

// aiTask is what the ticket of a job says of its AI model.
func (s *Server) aiTask(ctx context.Context, job *v1alpha1.OcrJob) (*workerport.AITask, error) {
	role, name := roleOf(job)
	if role == "" {
		return nil, nil
	}
	model, err := s.aiModel(ctx, name)
	if err != nil {
		return nil, err
	}
	return taskOf(role, model), nil
}

// taskOf is what the worker has to do for a model. One that is gone has pages come, too: they have to say why it did not read them.
func taskOf(role document.AIRole, model *v1alpha1.OcrModel) *workerport.AITask {
	spec := new(v1alpha1.OpenAIModel)
	if model != nil && model.IsAI() {
		spec = model.Spec.OpenAI
	}
	task := &workerport.AITask{
		Role: role, MaxSide: spec.MaxSide(), MediaType: spec.MediaType(),
		TimeoutSeconds: int((askingTime(spec) + answerMargin) / time.Second), AtOnce: min(mostAtOnce, spec.EffectiveConcurrency()),
	}
	if role == document.RoleCorrector {
		task.UnsureBelow, task.MaxLines = unsureBelow, maxLines
	}
	return task
}

// askingTime bounds what a model is waited for because of a page.
func askingTime(spec *v1alpha1.OpenAIModel) time.Duration {
	return turnTime + maxAttempts*spec.Timeout()
}
