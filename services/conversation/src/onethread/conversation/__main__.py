from onethread.conversation.app import create_app
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.serve import serve


def main() -> None:
    settings = ConversationSettings.load()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
