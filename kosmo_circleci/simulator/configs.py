"""The configurations of the simulated projects: what their pipelines were compiled from."""

from typing import Final

CONFIG_SOURCE: Final = """\
version: 2.1
jobs:
  lint:
    docker: [{image: cimg/python:3.12}]
    steps:
      - checkout
      - run: {name: Lint, command: ruff check src tests}
  test:
    docker: [{image: cimg/python:3.12}]
    parallelism: 2
    steps:
      - checkout
      - run: {name: Install dependencies, command: pip install -r requirements.txt}
      - run: {name: Run tests, command: pytest --junitxml=test-results/results.xml}
      - store_test_results: {path: test-results}
      - store_artifacts: {path: logs}
  deploy:
    docker: [{image: cimg/base:current}]
    steps:
      - checkout
      - run: {name: Build image, command: docker build --tag web .}
      - run: {name: Deploy to production, command: ./deploy.sh production}
workflows:
  build-and-test:
    jobs:
      - lint
      - test: {requires: [lint]}
      - deploy: {requires: [test], context: [production]}
"""

SETUP_CONFIG_SOURCE: Final = """\
version: 2.1
setup: true
orbs: {continuation: circleci/continuation@1.0.0}
jobs:
  generate-config:
    docker: [{image: cimg/base:current}]
    steps:
      - checkout
      - run: {name: Generate config, command: ./generate-config.sh > generated.yml}
      - continuation/continue: {configuration_path: generated.yml}
workflows:
  setup:
    jobs: [generate-config]
"""
