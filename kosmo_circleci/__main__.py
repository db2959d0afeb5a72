"""python -m kosmo_circleci"""

from kosmo_circleci.cli.main import main

if __name__ == "__main__":
    main()
