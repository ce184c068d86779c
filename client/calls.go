package client

import (
	"context"
	"net/http"
)

// answerOf decodes what a request was answered, if it has one of the statuses.
func answerOf[T any](response *http.Response, err error, statuses ...int) (*T, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	for _, status := range statuses {
		if response.StatusCode == status {
			answer := new(T)
			return answer, decode(response, status, answer)
		}
	}
	return nil, problemOf(response)
}

// Job tells how a job stands.
func (c *Client) Job(ctx context.Context, id string) (*Job, error) {
	response, err := c.GetJob(ctx, id, nil)
	return answerOf[Job](response, err, http.StatusOK)
}

// Jobs is a page of the list of jobs.
func (c *Client) Jobs(ctx context.Context, params *ListJobsParams) (*JobList, error) {
	response, err := c.ListJobs(ctx, params)
	return answerOf[JobList](response, err, http.StatusOK)
}

// Delete cancels a job that has not ended, and deletes one that has; the answer tells which.
func (c *Client) Delete(ctx context.Context, id string) (*Deletion, error) {
	response, err := c.DeleteJob(ctx, id, nil)
	return answerOf[Deletion](response, err, http.StatusOK, http.StatusAccepted)
}

// Retry begins a job for what failed of another. A key that is not empty makes it safe to ask once more.
func (c *Client) Retry(ctx context.Context, id, idempotencyKey string) (*Accepted, error) {
	params := new(RetryJobParams)
	if idempotencyKey != "" {
		params.IdempotencyKey = &idempotencyKey
	}
	response, err := c.RetryJob(ctx, id, params)
	return answerOf[Accepted](response, err, http.StatusAccepted)
}

// Usage tells what the organization has used in a month such as 2026-08, the current one where it is empty.
func (c *Client) Usage(ctx context.Context, month string) (*Usage, error) {
	params := new(GetUsageParams)
	if month != "" {
		params.Month = &month
	}
	response, err := c.GetUsage(ctx, params)
	return answerOf[Usage](response, err, http.StatusOK)
}

// Models lists the models that there are.
func (c *Client) Models(ctx context.Context) (*ModelList, error) {
	response, err := c.ListModels(ctx, nil)
	return answerOf[ModelList](response, err, http.StatusOK)
}

// Page is what was read on a page of a job, from 1. It may be there before the job has ended.
func (c *Client) Page(ctx context.Context, id string, number int) (*Page, error) {
	response, err := c.GetPage(ctx, id, number, nil)
	return answerOf[Page](response, err, http.StatusOK)
}
